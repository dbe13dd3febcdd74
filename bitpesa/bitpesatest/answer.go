package bitpesatest

import "net/http"

// answer is a response before it is written.
type answer struct {
	status int
	body   any
}

func success(v any) answer { return answer{http.StatusOK, object{"object": v}} }
func created(v any) answer { return answer{http.StatusCreated, object{"object": v}} }

// invalid is a 422: the object as it was sent, with its errors.
func invalid(echo object, p problems) answer {
	echo = orEmpty(echo)
	echo["errors"] = p
	return answer{http.StatusUnprocessableEntity, object{"object": echo}}
}

// refused is an error the vendor publishes no body for (assumed, but for 400).
func refused(status int) answer {
	return answer{status, object{"status": status, "error": http.StatusText(status)}}
}

func notFound() answer   { return refused(http.StatusNotFound) }
func badRequest() answer { return refused(http.StatusBadRequest) }
