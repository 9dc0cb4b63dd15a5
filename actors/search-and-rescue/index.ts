export type { Box } from './boxes.js';
export { type CameraOptions, createCamera, type Frame } from './camera.js';
export type { Crop, Pose } from './camera-path.js';
export { type Area, type MapChange, MapServer, type MapState } from './map-server.js';
export { Navigation, type NavigationStart, type NavigationState, type Step } from './navigation.js';
export { type Detection, type DetectionResult, type DetectionState, ObjectDetection } from './object-detection.js';
export { bundledPhotos, type Photo, photosOf } from './photos.js';
export type { MapObject, Sighting, SightingRecord } from './sightings.js';
export type { Track, Tracks } from './tracks.js';
