using Cloister.Contracts.Envelope;
using Cloister.Contracts.Keys;
using Cloister.Enclave.Base;
using Cloister.Enclave.Custody;
using Cloister.Enclave.Custody.Leases;
using Cloister.Enclave.Keys.Memory;
using Cloister.Kbs;

namespace Cloister.Enclave.Broker;

/// <summary>
/// The broker as a remote KMS: KEKs stay there, this enclave may use them while it has a lease. What the lease says about the KEK is
/// answered without a call. Source: docs/broker-protocol.md, "Wrap and unwrap". secrets: DEKs pass through to the broker.
/// </summary>
public sealed class BrokerKms : IRemoteKms
{
    private static readonly TimeSpan LookInterval = TimeSpan.FromMilliseconds(250);

    private readonly BrokerSession _session;
    private readonly LeaseManager _leases;
    private readonly CryptoBatches _wraps;
    private readonly CryptoBatches _unwraps;
    private volatile bool _hadLease;

    /// <summary>Starts asking for a lease.</summary>
    /// <param name="session">Gets leases; owned by this.</param>
    /// <param name="arena">Where keys live.</param>
    /// <param name="time">Counts what has gone by.</param>
    /// <param name="log">Log.</param>
    public BrokerKms(BrokerSession session, SecretArena arena, TimeProvider time, EnclaveLog log)
    {
        _session = session;
        _leases = new LeaseManager(session, arena, time, log, receivesKeks: false);
        _wraps = new CryptoBatches(request => SendAsync(session.Client.WrapAsync, request));
        _unwraps = new CryptoBatches(request => SendAsync(session.Client.UnwrapAsync, request));
    }

    /// <inheritdoc/>
    public LeaseReport? Lease => _leases.Report;

    /// <inheritdoc/>
    public LeaseSource? Certificates => new CertificateSource(_session, _leases);

    /// <inheritdoc/>
    public int WrapsLeft => (int)Math.Min(int.MaxValue, _leases.Current?.Wraps.Left ?? 0);

    /// <inheritdoc/>
    public ValueTask<RemoteKek> DescribeAsync(CancellationToken cancellation)
    {
        HeldLease held = Require();
        KeyFingerprint active = held.ActiveAt(held.Now)
            ?? throw new RemoteKmsException(RemoteKmsFailure.Denied, $"KEK {held.Terms.Kek} has no active version: enable one at the broker");
        return ValueTask.FromResult(new RemoteKek(active, held.Enabled.ToHashSet()));
    }

    /// <inheritdoc/>
    public Task WaitAsync(TimeSpan most, CancellationToken cancellation) => Task.Delay(most < LookInterval ? most : LookInterval, cancellation);

    /// <inheritdoc/>
    public async ValueTask<IReadOnlyList<byte[]>> EncryptAsync(
        KeyFingerprint kek, EnvelopeContext context, IReadOnlyList<ReadOnlyMemory<byte>> plaintexts, CancellationToken cancellation)
    {
        HeldLease held = Require();
        Count(held, held.Wraps, plaintexts.Count);
        List<byte[]> wrapped = [];
        foreach (ReadOnlyMemory<byte>[] some in plaintexts.Chunk(KbsPaths.MaxItems))
        {
            IReadOnlyList<byte[]?> answers = await RunAsync(_wraps, kek, context, some, cancellation);
            wrapped.AddRange(answers.Select(answer => answer ?? throw new RemoteKmsException(RemoteKmsFailure.Denied, "the broker did not wrap every item")));
        }

        return wrapped;
    }

    /// <inheritdoc/>
    public async ValueTask<int> DecryptAsync(
        KeyFingerprint kek, EnvelopeContext context, ReadOnlyMemory<byte> ciphertext, Memory<byte> plaintext, CancellationToken cancellation)
    {
        if (ciphertext.Length is 0 or > KbsPaths.MaxItemSize)
        {
            throw NotAuthentic();
        }

        HeldLease held = Require();
        Count(held, held.Unwraps, 1);
        IReadOnlyList<byte[]?> answers = await RunAsync(_unwraps, kek, context, [ciphertext], cancellation);
        try
        {
            return answers is [{ Length: > 0 } clear] && clear.AsSpan().TryCopyTo(plaintext.Span) ? clear.Length : throw NotAuthentic();
        }
        finally
        {
            CryptoBatches.Wipe(answers);
        }
    }

    /// <summary>Gives the lease up.</summary>
    public async ValueTask DisposeAsync()
    {
        await _leases.DisposeAsync();
        _session.Dispose();
    }

    private static RemoteKmsException NotAuthentic() => new(RemoteKmsFailure.NotAuthentic, "not authentic");

    // Silence before the first lease is a KMS that does not answer. Later, no lease means: may not, whatever the reason.
    private HeldLease Require()
    {
        HeldLease? held = _leases.Current;
        if (held is not null && held.Now < held.Terms.Expires)
        {
            _hadLease = true;
            return held;
        }

        CustodyStatus problem = _leases.Problem;
        bool silent = !_hadLease && problem.ErrorCode == FailureKind.Unavailable;
        throw new RemoteKmsException(
            silent ? RemoteKmsFailure.Unavailable : RemoteKmsFailure.Denied, held is null ? problem.Healthz : $"the lease is over; {problem.Healthz}");
    }

    private void Count(HeldLease held, UseBudget budget, int count)
    {
        bool counted = budget.TryUse(count) == UseOutcome.Counted;
        _leases.OnUsed(held);
        if (!counted)
        {
            throw new RemoteKmsException(
                RemoteKmsFailure.Unavailable, "the lease allows no more of these uses; it is being renewed, allow more at the broker if this repeats");
        }
    }

    private static async ValueTask<IReadOnlyList<byte[]?>> RunAsync(
        CryptoBatches batches, KeyFingerprint kek, EnvelopeContext context, IReadOnlyList<ReadOnlyMemory<byte>> items, CancellationToken cancellation)
    {
        byte[][] copies = [.. items.Select(Copy)];
        try
        {
            return await batches.RunAsync(
                new CryptoBatches.Target(KeyId.Format(kek), context.Purpose, context.Cluster, context.Provider), copies, cancellation);
        }
        catch (BrokerException e)
        {
            throw new RemoteKmsException(
                e.Failure switch
                {
                    BrokerFailure.NotFound => RemoteKmsFailure.UnknownKek,
                    BrokerFailure.Revoked or BrokerFailure.Refused => RemoteKmsFailure.Denied,
                    _ => RemoteKmsFailure.Unavailable,
                },
                e.Message);
        }
    }

    // The batch wipes it; pinned, so that the collector leaves no copy.
    private static byte[] Copy(ReadOnlyMemory<byte> item)
    {
        byte[] copy = GC.AllocateUninitializedArray<byte>(item.Length, pinned: true);
        item.CopyTo(copy);
        return copy;
    }

    private async Task<CryptoResponse> SendAsync(
        Func<string, CryptoRequest, CancellationToken, ValueTask<CryptoResponse>> call, CryptoRequest request)
    {
        try
        {
            return await call(Held().Token, request, _leases.Stopping);
        }
        catch (BrokerException e)
        {
            _leases.OnBrokerError(e);
            throw;
        }
    }

    private HeldLease Held() => _leases.Current ?? throw new BrokerException(BrokerFailure.LeaseOver, "lease", "it is over");
}
