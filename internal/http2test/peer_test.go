// Package http2test speaks HTTP/2 frames to internal/transport: it plays peers that
// do the work and then break the protocol. It is a module of its own, because it
// needs golang.org/x/net.
package http2test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// fault is what a peer does with a stream whose request is complete.
type fault func(framer *http2.Framer, stream uint32)

func respond(framer *http2.Framer, stream uint32) {
	var block headerBlock
	block.add(":status", "200", "content-type", "application/json")
	_ = framer.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: block.bytes(), EndHeaders: true})
	_ = framer.WriteData(stream, true, []byte(`{"say":"accepted"}`))
}

func reset(code http2.ErrCode) fault {
	return func(framer *http2.Framer, stream uint32) { _ = framer.WriteRSTStream(stream, code) }
}

// goAway says that the peer has not seen the stream.
func goAway(code http2.ErrCode) fault {
	return func(framer *http2.Framer, stream uint32) { _ = framer.WriteGoAway(stream-1, code, nil) }
}

// peer is an HTTP/2 server that carries out every complete request and then plays
// the next fault of its script. After the script it responds.
type peer struct {
	url   string
	roots *x509.CertPool

	mu     sync.Mutex
	script []fault
	work   int // requests carried out
	conns  int
	open   []net.Conn
}

func newPeer(t testing.TB, script ...fault) *peer {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test CA"}, NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	require.NoError(t, err)
	certificate, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	listener, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{
		Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}, NextProtos: []string{"h2"},
	})
	require.NoError(t, err)
	p := &peer{url: "https://" + listener.Addr().String(), roots: x509.NewCertPool(), script: script}
	p.roots.AddCert(certificate)
	var conns sync.WaitGroup
	conns.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			p.mu.Lock()
			p.open = append(p.open, conn)
			p.mu.Unlock()
			conns.Go(func() { p.serve(conn) })
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		p.mu.Lock()
		for _, conn := range p.open {
			_ = conn.Close()
		}
		p.mu.Unlock()
		conns.Wait()
	})
	return p
}

func (p *peer) serve(conn net.Conn) {
	defer conn.Close()
	preface := make([]byte, len(http2.ClientPreface))
	if _, err := readFull(conn, preface); err != nil {
		return
	}
	p.mu.Lock()
	p.conns++
	p.mu.Unlock()
	framer := http2.NewFramer(conn, conn)
	framer.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	_ = framer.WriteSettings()
	for {
		frame, err := framer.ReadFrame()
		if err != nil {
			return
		}
		complete := false
		switch f := frame.(type) {
		case *http2.SettingsFrame:
			if !f.IsAck() {
				_ = framer.WriteSettingsAck()
			}
		case *http2.PingFrame:
			if !f.IsAck() {
				_ = framer.WritePing(true, f.Data)
			}
		case *http2.MetaHeadersFrame:
			complete = f.StreamEnded()
		case *http2.DataFrame:
			complete = f.StreamEnded()
		}
		if complete {
			p.carryOut()(framer, frame.Header().StreamID)
		}
	}
}

// carryOut does the work of a request and returns what follows.
func (p *peer) carryOut() fault {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.work++
	if len(p.script) == 0 {
		return respond
	}
	next := p.script[0]
	p.script = p.script[1:]
	return next
}

func (p *peer) worked() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.work
}

func readFull(conn net.Conn, p []byte) (int, error) {
	for n := 0; n < len(p); {
		m, err := conn.Read(p[n:])
		if err != nil {
			return n, err
		}
		n += m
	}
	return len(p), nil
}

// headerBlock encodes header fields.
type headerBlock struct{ encoded []byte }

func (b *headerBlock) add(pairs ...string) {
	w := hpack.NewEncoder(b)
	for i := 0; i+1 < len(pairs); i += 2 {
		_ = w.WriteField(hpack.HeaderField{Name: pairs[i], Value: pairs[i+1]})
	}
}

func (b *headerBlock) Write(p []byte) (int, error) {
	b.encoded = append(b.encoded, p...)
	return len(p), nil
}

func (b *headerBlock) bytes() []byte { return b.encoded }
