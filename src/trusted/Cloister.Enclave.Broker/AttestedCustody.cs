using Cloister.Contracts.Envelope;
using Cloister.Contracts.Keys;
using Cloister.Enclave.Base;
using Cloister.Enclave.Custody;
using Cloister.Enclave.Custody.Leases;
using Cloister.Enclave.Keys;
using Cloister.Enclave.Keys.Envelope;
using Cloister.Enclave.Keys.Memory;

namespace Cloister.Enclave.Broker;

/// <summary>
/// Custody attested: a broker releases KEKs to this enclave after it verified its evidence, under a lease. Calls are answered from memory;
/// writes stop when the lease or its wraps end, reads when its grace or its unwraps do. Source: docs/broker-protocol.md. secrets: the KEKs.
/// </summary>
public sealed class AttestedCustody : ICustody
{
    private const string NoWraps = "every wrap that the lease allows was made, reads go on; it is being renewed, allow more at the broker if this repeats";
    private const string NoUnwraps = "every unwrap that the lease allows was made, writes go on; it is being renewed, allow more at the broker if this repeats";

    private readonly EnvelopeContext _context;
    private readonly BrokerSession _session;
    private readonly LeaseManager _leases;

    /// <summary>Starts asking for a lease.</summary>
    /// <param name="context">Cluster and provider.</param>
    /// <param name="session">Gets leases; owned by the custody.</param>
    /// <param name="arena">Where keys live.</param>
    /// <param name="time">Counts what has gone by.</param>
    /// <param name="log">Log.</param>
    /// <param name="sealedLease">The copy for a start while no broker answers, or null for none.</param>
    public AttestedCustody(
        EnvelopeContext context, BrokerSession session, SecretArena arena, TimeProvider time, EnclaveLog log, SealedLease? sealedLease = null)
    {
        _context = context;
        _session = session;
        _leases = new LeaseManager(session, arena, time, log, receivesKeks: true, sealedLease);
    }

    /// <inheritdoc/>
    public string Name => "attested";

    /// <inheritdoc/>
    public LeaseReport? Lease => _leases.Report;

    /// <inheritdoc/>
    public LeaseSource? Certificates => new CertificateSource(_session, _leases);

    /// <inheritdoc/>
    public CustodyStatus Status => StatusOf(_leases.Current);

    /// <inheritdoc/>
    public bool IsPending => _leases.IsPending;

    /// <inheritdoc/>
    public bool Holds(KeyFingerprint kek) => _leases.Current is { } held && held.Now < held.GraceEnd && held.Ring.Find(kek) is not null;

    /// <inheritdoc/>
    public void RenewSoon() => _leases.RenewSoon();

    /// <inheritdoc/>
    public ValueTask<EncryptResult> EncryptAsync(ReadOnlyMemory<byte> plaintext, Memory<byte> edek, CancellationToken cancellation)
    {
        while (true)
        {
            HeldLease? held = _leases.Current;
            CustodyStatus status = StatusOf(held);
            if (status.KeyId is null || held is null || !KeyId.TryParse(status.KeyId, out KeyFingerprint active))
            {
                throw status.ToException();
            }

            switch (held.Wraps.TryUse())
            {
                case UseOutcome.Exhausted:
                    continue;
                case UseOutcome.NotReserved:
                    return EncryptReservedAsync(held, plaintext, edek, cancellation);
            }

            try
            {
                Kek kek = held.Ring.Find(active)!;
                int length = EdekCipher.Encrypt(kek.Cipher, _context, EdekSuite.Kek, kek.Fingerprint, default, plaintext.Span, edek.Span);
                return ValueTask.FromResult(new EncryptResult(kek.KeyId, length));
            }
            catch (ObjectDisposedException) when (_leases.Current != held)
            {
                // Renewed without this version, or wiped, between reading the lease and using the key.
            }
            finally
            {
                _leases.OnUsed(held);
            }
        }
    }

    /// <inheritdoc/>
    public ValueTask<int> DecryptAsync(KeyFingerprint kek, ReadOnlyMemory<byte> edek, Memory<byte> plaintext, CancellationToken cancellation)
    {
        Edek parsed = Edek.Parse(edek.Span);
        if (parsed.Suite != EdekSuite.Kek)
        {
            throw EdekFailure.WrongSuite(parsed.Suite, Name);
        }

        HeldLease? held = _leases.Current;
        if (held is null || held.Now >= held.GraceEnd)
        {
            throw _leases.Problem.ToException();
        }

        Kek found = held.Ring.Find(kek)
            ?? throw new FailureException(FailureKind.NotFound, $"KEK {kek} is not in the lease: enable that version at the broker, values written with it cannot be read without it");
        switch (held.Unwraps.TryUse())
        {
            case UseOutcome.Exhausted:
                _leases.OnUsed(held);
                throw CustodyStatus.Unavailable(StatusReason.NoUnwraps, _leases.Problem.ErrorCode, NoUnwraps).ToException();
            case UseOutcome.NotReserved:
                return DecryptReservedAsync(held, kek, edek, plaintext, cancellation);
        }

        try
        {
            return ValueTask.FromResult(EdekCipher.Decrypt(found.Cipher, _context, parsed, plaintext.Span));
        }
        catch (ObjectDisposedException)
        {
            throw _leases.Problem.ToException();
        }
        finally
        {
            _leases.OnUsed(held);
        }
    }

    /// <summary>Gives the lease up and wipes the KEKs.</summary>
    public async ValueTask DisposeAsync()
    {
        await _leases.DisposeAsync();
        _session.Dispose();
    }

    private CustodyStatus StatusOf(HeldLease? held)
    {
        if (held is null)
        {
            return _leases.Problem;
        }

        long now = held.Now;
        if (now >= held.Terms.Expires)
        {
            return CustodyStatus.Unavailable(StatusReason.LeaseOver, _leases.Problem.ErrorCode, $"the lease is over; {_leases.Problem.Healthz}");
        }

        if (held.Wraps.Left == 0)
        {
            return CustodyStatus.Unavailable(StatusReason.NoWraps, _leases.Problem.ErrorCode, NoWraps);
        }

        if (!held.Terms.Release)
        {
            return CustodyStatus.Unavailable(
                StatusReason.NotReleased, FailureKind.NotReady, $"the broker does not release KEK {held.Terms.Kek}: use custody remote, or allow its release there");
        }

        return held.ActiveAt(now) is not { } active || held.Ring.Find(active) is null
            ? CustodyStatus.Unavailable(StatusReason.NoActiveVersion, FailureKind.NotReady, $"the lease has no active version of KEK {held.Terms.Kek}: enable the last one at the broker, or make the next with 'cloister kek rotate'; an older one does not come back")
            : held.Unwraps.Left == 0 ? new CustodyStatus(KeyId.Format(active), NoUnwraps, Reason: StatusReason.NoUnwraps) : CustodyStatus.Ready(active);
    }

    private async ValueTask<EncryptResult> EncryptReservedAsync(
        HeldLease held, ReadOnlyMemory<byte> plaintext, Memory<byte> edek, CancellationToken cancellation)
    {
        await _leases.ReservedAsync(held, held.Wraps, cancellation);
        return await EncryptAsync(plaintext, edek, cancellation);
    }

    private async ValueTask<int> DecryptReservedAsync(
        HeldLease held, KeyFingerprint kek, ReadOnlyMemory<byte> edek, Memory<byte> plaintext, CancellationToken cancellation)
    {
        await _leases.ReservedAsync(held, held.Unwraps, cancellation);
        return await DecryptAsync(kek, edek, plaintext, cancellation);
    }
}
