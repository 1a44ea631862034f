using Cloister.Contracts.Envelope;
using Cloister.Contracts.Keys;
using Cloister.KeyStores;

namespace Cloister.Broker.Administration.Tests;

/// <summary>The same store, but it never releases, as an HSM does.</summary>
internal sealed class KeepingStore(IKeyStore inner) : IKeyStore
{
    public string Kind => "keeping";

    public bool CanRelease => false;

    public Task CheckAsync(CancellationToken cancellation) => inner.CheckAsync(cancellation);

    public Task CreateAsync(KekIdentity kek, CancellationToken cancellation) => inner.CreateAsync(kek, cancellation);

    public Task ImportAsync(KekIdentity kek, ReadOnlyMemory<byte> key, CancellationToken cancellation) => throw Never();

    public Task ReleaseAsync(KekIdentity kek, Memory<byte> key, CancellationToken cancellation) => throw Never();

    public Task<IReadOnlyList<byte[]>> WrapAsync(KekIdentity kek, EnvelopeContext context, IReadOnlyList<ReadOnlyMemory<byte>> items, CancellationToken cancellation) =>
        inner.WrapAsync(kek, context, items, cancellation);

    public Task<IReadOnlyList<byte[]?>> UnwrapAsync(KekIdentity kek, EnvelopeContext context, IReadOnlyList<ReadOnlyMemory<byte>> items, CancellationToken cancellation) =>
        inner.UnwrapAsync(kek, context, items, cancellation);

    public Task DestroyAsync(KekIdentity kek, CancellationToken cancellation) => inner.DestroyAsync(kek, cancellation);

    // The inner store is the test's.
    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    private static KeyStoreException Never() => new(KeyStoreFailure.Denied, "this store neither takes in nor releases");
}
