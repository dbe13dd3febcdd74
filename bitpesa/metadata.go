package bitpesa

// Metadata is free data of the caller's. BitPesa stores it with nearly every
// object and gives it back in answers and webhooks (documented). Numbers come
// back as json.Number; nil when there is none.
type Metadata = map[string]any
