package apiserver

import (
	"bytes"
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"cloister/integrations/apiserver/secretsv1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apiserver/pkg/storage/value"
	"k8s.io/apiserver/pkg/storage/value/encrypt/identity"
)

const prefix = "k8s:enc:kms:v2:tee:"

// enclave answers as the service does; what it "encrypts" shows key_id, etcd key and value.
type enclave struct {
	secretsv1.UnimplementedSecretsServer
	lock     sync.Mutex
	keyID    string
	provider string
	hang     bool
}

func (e *enclave) set(change func(*enclave)) {
	e.lock.Lock()
	defer e.lock.Unlock()
	change(e)
}

func (e *enclave) wait(ctx context.Context) (string, string) {
	e.lock.Lock()
	hang, keyID, provider := e.hang, e.keyID, e.provider
	e.lock.Unlock()
	if hang {
		<-ctx.Done()
	}
	return keyID, provider
}

func (e *enclave) Status(ctx context.Context, _ *secretsv1.StatusRequest) (*secretsv1.StatusResponse, error) {
	keyID, provider := e.wait(ctx)
	if keyID == "" {
		return nil, status.Error(codes.FailedPrecondition, "no KEK")
	}
	return &secretsv1.StatusResponse{Version: "v1", Healthz: "ok", KeyId: keyID, Provider: provider}, nil
}

func (e *enclave) Encrypt(ctx context.Context, r *secretsv1.EncryptRequest) (*secretsv1.EncryptResponse, error) {
	keyID, provider := e.wait(ctx)
	stored := strings.Join([]string{"k8s:enc:kms:v2", provider, keyID, string(r.Key), string(r.Plaintext)}, ":")
	return &secretsv1.EncryptResponse{Stored: []byte(stored), KeyId: keyID}, nil
}

func (e *enclave) Decrypt(ctx context.Context, r *secretsv1.DecryptRequest) (*secretsv1.DecryptResponse, error) {
	keyID, _ := e.wait(ctx)
	parts := strings.SplitN(strings.TrimPrefix(string(r.Stored), prefix), ":", 3)
	if len(parts) != 3 || parts[1] != string(r.Key) {
		return nil, status.Error(codes.InvalidArgument, "the ciphertext does not open")
	}
	return &secretsv1.DecryptResponse{Plaintext: []byte(parts[2]), KeyId: parts[0], Stale: parts[0] != keyID}, nil
}

func request(t *testing.T) *http.Request {
	return httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/readyz", nil)
}

func start(t *testing.T, options Options) (*enclave, *Provider) {
	t.Helper()
	socket := filepath.Join(t.TempDir(), "secrets.sock")
	listener, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	e := &enclave{keyID: "k1", provider: "tee"}
	server := grpc.NewServer()
	secretsv1.RegisterSecretsServer(server, e)
	go server.Serve(listener)
	t.Cleanup(server.Stop)
	options.Endpoint, options.Provider = "unix://"+socket, "tee"
	p, err := New(options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return e, p
}

func TestRoundTripIsBoundToTheEtcdKey(t *testing.T) {
	_, p := start(t, Options{})
	stored, err := p.TransformToStorage(t.Context(), []byte("secret"), value.DefaultContext("/registry/secrets/a/b"))
	if err != nil || !bytes.HasPrefix(stored, []byte(prefix+"k1:/registry/secrets/a/b:")) {
		t.Fatalf("stored %q, %v", stored, err)
	}
	out, stale, err := p.TransformFromStorage(t.Context(), stored, value.DefaultContext("/registry/secrets/a/b"))
	if string(out) != "secret" || stale || err != nil {
		t.Fatalf("read %q, stale %v, %v", out, stale, err)
	}
	if _, _, err = p.TransformFromStorage(t.Context(), stored, value.DefaultContext("/registry/secrets/a/c")); err == nil || !strings.Contains(err.Error(), "does not open") {
		t.Fatalf("under another key: %v", err)
	}
}

func TestStaleFollowsTheKeyIdOfTheEnclave(t *testing.T) {
	e, p := start(t, Options{})
	at := value.DefaultContext("k")
	stored, err := p.TransformToStorage(t.Context(), []byte("x"), at)
	if err != nil {
		t.Fatal(err)
	}
	e.set(func(e *enclave) { e.keyID = "k2" })
	if _, stale, err := p.TransformFromStorage(t.Context(), stored, at); !stale || err != nil {
		t.Fatalf("stale %v, %v", stale, err)
	}
	if stored, err = p.TransformToStorage(t.Context(), []byte("x"), at); err != nil {
		t.Fatal(err)
	}
	if _, stale, err := p.TransformFromStorage(t.Context(), stored, at); stale || err != nil {
		t.Fatalf("stale %v, %v", stale, err)
	}
}

func TestHealthFollowsStatus(t *testing.T) {
	e, p := start(t, Options{})
	if err := p.Check(request(t)); err != nil {
		t.Fatal(err)
	}
	e.set(func(e *enclave) { e.keyID = "" })
	if err := p.Check(request(t)); err == nil || !strings.Contains(err.Error(), "no KEK") {
		t.Fatal(err)
	}
}

func TestPlaintextIsReadAndStaleAndOtherProvidersAreRefused(t *testing.T) {
	_, p := start(t, Options{})
	out, stale, err := p.TransformFromStorage(t.Context(), []byte("k8s\x00plain"), value.DefaultContext("k"))
	if string(out) != "k8s\x00plain" || !stale || err != nil {
		t.Fatalf("read %q, stale %v, %v", out, stale, err)
	}
	for _, other := range []string{"k8s:enc:aescbc:v1:key:x", "k8s:enc:kms:v2:other:x", "k8s:enc:kms:v2:tee2:x"} {
		if _, _, err := p.TransformFromStorage(t.Context(), []byte(other), value.DefaultContext("k")); err == nil {
			t.Errorf("%s was read", other)
		}
	}
}

func TestDeadlines(t *testing.T) {
	e, p := start(t, Options{Timeout: 50 * time.Millisecond})
	e.set(func(e *enclave) { e.hang = true })
	if _, err := p.TransformToStorage(t.Context(), []byte("x"), value.DefaultContext("k")); err == nil || !strings.Contains(err.Error(), "DeadlineExceeded") {
		t.Fatal(err)
	}
	// The caller's own deadline holds too.
	e2, p2 := start(t, Options{Timeout: time.Hour})
	e2.set(func(e *enclave) { e.hang = true })
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, _, err := p2.TransformFromStorage(ctx, []byte(prefix+"x"), value.DefaultContext("k")); err == nil {
		t.Fatal("no deadline")
	}
}

func TestAnEnclaveOfAnotherProviderIsRefused(t *testing.T) {
	e, p := start(t, Options{})
	e.set(func(e *enclave) { e.provider = "other" })
	if _, err := p.TransformToStorage(t.Context(), []byte("x"), value.DefaultContext("k")); err == nil || !strings.Contains(err.Error(), "another provider") {
		t.Fatal(err)
	}
	if err := p.Check(request(t)); err == nil || !strings.Contains(err.Error(), "serves provider") {
		t.Fatal(err)
	}
}

func TestHealsWhenTheEnclaveComes(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "secrets.sock")
	p, err := New(Options{Endpoint: "unix://" + socket, Provider: "tee", Timeout: 20 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if _, err := p.TransformToStorage(t.Context(), []byte("x"), value.DefaultContext("k")); err == nil {
		t.Fatal("encrypted without an enclave")
	}
	listener, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer()
	secretsv1.RegisterSecretsServer(server, &enclave{keyID: "k1", provider: "tee"})
	go server.Serve(listener)
	defer server.Stop()
	for deadline := time.Now().Add(30 * time.Second); ; {
		if _, err = p.TransformToStorage(t.Context(), []byte("x"), value.DefaultContext("k")); err == nil {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
}

func TestOptionsAreChecked(t *testing.T) {
	for _, options := range []Options{
		{Endpoint: "/run/x.sock", Provider: "tee"},
		{Endpoint: "unix://relative", Provider: "tee"},
		{Endpoint: "tcp://127.0.0.1:1", Provider: "tee"},
		{Endpoint: "unix:///run/x.sock"},
		{Endpoint: "unix:///run/x.sock", Provider: "a:b"},
	} {
		if _, err := New(options); err == nil {
			t.Errorf("%+v was taken", options)
		}
	}
}

func TestOnlyTheResourceIsTransformed(t *testing.T) {
	_, p := start(t, Options{})
	others := identity.NewEncryptCheckTransformer()
	all := ForResource(schema.GroupResource{Resource: "secrets"}, p, others)
	if all.TransformerForResource(schema.GroupResource{Resource: "secrets"}) != value.Transformer(p) {
		t.Error("secrets are not transformed")
	}
	if all.TransformerForResource(schema.GroupResource{Group: "x", Resource: "secrets"}) != others {
		t.Error("another group's secrets are transformed")
	}
}
