/** nact's durations, in milliseconds. @public */
export const millisecond = 1;
export const milliseconds = 1;
export const second = 1000;
export const seconds = 1000;
export const minute = 60_000;
export const minutes = 60_000;
export const hour = 3_600_000;
export const hours = 3_600_000;
