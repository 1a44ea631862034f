using Cloister.Contracts.Envelope;
using Cloister.Contracts.Keys;
using Cloister.KeyStores;

namespace Cloister.Broker.Administration.Tests;

/// <summary>A store whose calls block their thread until they are released, as a token's driver does when its network is gone.</summary>
internal sealed class HangingStore : IKeyStore, IDisposable
{
    private readonly ManualResetEventSlim _released = new();

    public string Kind => "hanging";

    public bool CanRelease => false;

    internal void Release() => _released.Set();

    public Task CheckAsync(CancellationToken cancellation) => throw new NotSupportedException();

    public Task CreateAsync(KekIdentity kek, CancellationToken cancellation) => throw new NotSupportedException();

    public Task ImportAsync(KekIdentity kek, ReadOnlyMemory<byte> key, CancellationToken cancellation) => throw new NotSupportedException();

    public Task ReleaseAsync(KekIdentity kek, Memory<byte> key, CancellationToken cancellation) => throw new NotSupportedException();

    public Task<IReadOnlyList<byte[]>> WrapAsync(KekIdentity kek, EnvelopeContext context, IReadOnlyList<ReadOnlyMemory<byte>> items, CancellationToken cancellation) =>
        throw new NotSupportedException();

    public Task<IReadOnlyList<byte[]?>> UnwrapAsync(KekIdentity kek, EnvelopeContext context, IReadOnlyList<ReadOnlyMemory<byte>> items, CancellationToken cancellation) =>
        throw new NotSupportedException();

    public Task DestroyAsync(KekIdentity kek, CancellationToken cancellation)
    {
        _released.Wait(CancellationToken.None);
        return Task.CompletedTask;
    }

    public ValueTask DisposeAsync()
    {
        Dispose();
        return ValueTask.CompletedTask;
    }

    public void Dispose() => _released.Set();
}
