// Package apiserver gives an API server a value.Transformer that has whole values encrypted in a TEE
// (cloister.secrets.v1), instead of making seeds and DEKs of its own: none of them ever exists in its memory.
// Stored values have the form that a KMS v2 provider of the same name writes, so that either can take the other's place.
package apiserver

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"cloister/integrations/apiserver/secretsv1"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apiserver/pkg/storage/value"
)

// Transformer encrypts and decrypts values through an enclave. It is safe for concurrent use.
type Transformer struct {
	client  secretsv1.SecretsClient
	prefix  []byte
	timeout time.Duration
}

// TransformFromStorage decrypts a stored value. A value in clear is returned as it is, and stale: it will be encrypted by
// the next write. Stale is also what was written with another key_id than the one that writes of its etcd key use at this moment.
func (t *Transformer) TransformFromStorage(ctx context.Context, data []byte, dataCtx value.Context) ([]byte, bool, error) {
	if !bytes.HasPrefix(data, []byte("k8s:enc:")) {
		return data, true, nil
	}
	if !bytes.HasPrefix(data, t.prefix) {
		return nil, false, fmt.Errorf("the value was written by another encryption provider: read it with that one and write it again, or rewrap it")
	}
	ctx, cancel := context.WithTimeout(ctx, t.timeout)
	defer cancel()
	answer, err := t.client.Decrypt(ctx, &secretsv1.DecryptRequest{Key: dataCtx.AuthenticatedData(), Stored: data})
	if err != nil {
		return nil, false, explain("decrypt", err)
	}
	return answer.Plaintext, answer.Stale, nil
}

// TransformToStorage encrypts a value, bound to its etcd key.
func (t *Transformer) TransformToStorage(ctx context.Context, data []byte, dataCtx value.Context) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, t.timeout)
	defer cancel()
	answer, err := t.client.Encrypt(ctx, &secretsv1.EncryptRequest{Key: dataCtx.AuthenticatedData(), Plaintext: data})
	if err != nil {
		return nil, explain("encrypt", err)
	}
	if !bytes.HasPrefix(answer.Stored, t.prefix) {
		return nil, fmt.Errorf("the enclave serves another provider: its values do not begin with %q", t.prefix)
	}
	return answer.Stored, nil
}

// resourceTransformers encrypts one kind of resource, and leaves all others as they are.
type resourceTransformers struct {
	resource    schema.GroupResource
	transformer value.Transformer
	others      value.Transformer
}

// ForResource gives an API server's configuration the transformer for one resource; others are kept for all else.
func ForResource(resource schema.GroupResource, transformer, others value.Transformer) value.ResourceTransformers {
	return &resourceTransformers{resource, transformer, others}
}

func (r *resourceTransformers) TransformerForResource(resource schema.GroupResource) value.Transformer {
	if resource == r.resource {
		return r.transformer
	}
	return r.others
}

func explain(what string, err error) error {
	s := status.Convert(err)
	if s.Code() == codes.Unavailable || s.Code() == codes.DeadlineExceeded {
		return fmt.Errorf("%s: the enclave does not answer (%s); check that it runs and that its secrets socket is the configured one", what, s.Code())
	}
	return fmt.Errorf("%s: %s: %s", what, s.Code(), s.Message())
}
