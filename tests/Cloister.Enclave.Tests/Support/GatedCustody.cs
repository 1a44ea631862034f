using Cloister.Contracts.Keys;
using Cloister.Enclave.Base;
using Cloister.Enclave.Custody;

namespace Cloister.Enclave.Tests.Support;

/// <summary>A custody whose calls wait until they are let go or given up, and that counts them.</summary>
internal sealed class GatedCustody : ICustody
{
    private readonly TaskCompletionSource _gate = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _entered;
    private int _givenUp;

    public string Name => "gated";

    public CustodyStatus Status { get; } = CustodyStatus.Ready(new KeyFingerprint(new byte[KeyFingerprint.Size]));

    /// <summary>Encryptions and decryptions that came this far.</summary>
    internal int Entered => Volatile.Read(ref _entered);

    /// <summary>Those whose caller went away, or whose deadline passed.</summary>
    internal int GivenUp => Volatile.Read(ref _givenUp);

    public async ValueTask<EncryptResult> EncryptAsync(ReadOnlyMemory<byte> plaintext, Memory<byte> edek, CancellationToken cancellation)
    {
        await WaitAsync(cancellation);
        edek.Span[0] = 1;
        return new EncryptResult(Status.KeyId!, 1);
    }

    public async ValueTask<int> DecryptAsync(KeyFingerprint kek, ReadOnlyMemory<byte> edek, Memory<byte> plaintext, CancellationToken cancellation)
    {
        await WaitAsync(cancellation);
        throw new FailureException(FailureKind.NotFound, "nothing is here");
    }

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    internal void Open() => _gate.TrySetResult();

    private async Task WaitAsync(CancellationToken cancellation)
    {
        Interlocked.Increment(ref _entered);
        try
        {
            await _gate.Task.WaitAsync(cancellation);
        }
        catch (OperationCanceledException)
        {
            Interlocked.Increment(ref _givenUp);
            throw;
        }
    }
}
