//go:build race

package stage

// AllocNoise is how many allocations more a call may be seen to make because
// pools forget at random under the race detector.
const AllocNoise = 4
