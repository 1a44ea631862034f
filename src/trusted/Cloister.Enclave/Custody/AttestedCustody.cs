using Cloister.Contracts.Envelope;
using Cloister.Contracts.Keys;
using Cloister.Enclave.Broker;
using Cloister.Enclave.Envelope;
using Cloister.Enclave.Hosting;
using Cloister.Enclave.Keys;
using Cloister.Enclave.Memory;
using Cloister.Enclave.Rpc;

namespace Cloister.Enclave.Custody;

/// <summary>
/// Custody attested: a broker releases KEKs to this enclave after it verified its evidence, under a lease. Calls are answered from memory;
/// writes stop when the lease ends, reads when its grace does. Source: docs/broker-protocol.md. secrets: the KEKs.
/// </summary>
public sealed class AttestedCustody : ICustody
{
    private readonly EnvelopeContext _context;
    private readonly BrokerSession _session;
    private readonly LeaseKeeper _keeper;

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
        _keeper = new LeaseKeeper(session, arena, time, log, takesKeks: true, sealedLease);
    }

    /// <inheritdoc/>
    public string Name => "attested";

    /// <inheritdoc/>
    public LeaseReport? Lease => _keeper.Report;

    /// <inheritdoc/>
    public CertificateSource? Certificates => new(_session, _keeper);

    /// <inheritdoc/>
    public CustodyStatus Status => StatusOf(_keeper.Current);

    /// <inheritdoc/>
    public bool IsPending => _keeper.IsPending;

    /// <inheritdoc/>
    public bool Holds(KeyFingerprint kek) => _keeper.Current is { } held && held.Now < held.GraceEnd && held.Ring.Find(kek) is not null;

    /// <inheritdoc/>
    public void RenewSoon() => _keeper.RenewSoon();

    /// <inheritdoc/>
    public ValueTask<EncryptResult> EncryptAsync(ReadOnlyMemory<byte> plaintext, Memory<byte> edek, CancellationToken cancellation)
    {
        while (true)
        {
            HeldLease? held = _keeper.Current;
            CustodyStatus status = StatusOf(held);
            if (status.KeyId is null || held is null || !KeyId.TryParse(status.KeyId, out KeyFingerprint active))
            {
                throw status.ToException();
            }

            if (!held.TryWrap())
            {
                continue;
            }

            try
            {
                Kek kek = held.Ring.Find(active)!;
                int length = EdekCipher.Encrypt(kek.Cipher, _context, EdekSuite.Kek, kek.Fingerprint, default, plaintext.Span, edek.Span);
                return ValueTask.FromResult(new EncryptResult(kek.KeyId, length));
            }
            catch (ObjectDisposedException) when (_keeper.Current != held)
            {
                // Renewed without this version, or wiped, between reading the lease and using the key.
            }
            finally
            {
                _keeper.Used(held);
            }
        }
    }

    /// <inheritdoc/>
    public ValueTask<int> DecryptAsync(KeyFingerprint kek, ReadOnlyMemory<byte> edek, Memory<byte> plaintext, CancellationToken cancellation)
    {
        Edek parsed = Edek.Parse(edek.Span);
        if (parsed.Suite != EdekSuite.Kek)
        {
            throw RpcException.WrongSuite(parsed.Suite, Name);
        }

        HeldLease? held = _keeper.Current;
        if (held is null || held.Now >= held.GraceEnd)
        {
            throw _keeper.Problem.ToException();
        }

        Kek found = held.Ring.Find(kek)
            ?? throw new RpcException(StatusCode.NotFound, $"KEK {kek} is not in the lease: enable that version at the broker, values written with it cannot be read without it");
        if (!held.TryUnwrap())
        {
            _keeper.Used(held);
            throw Ended(held).ToException();
        }

        try
        {
            return ValueTask.FromResult(EdekCipher.Decrypt(found.Cipher, _context, parsed, plaintext.Span));
        }
        catch (ObjectDisposedException)
        {
            throw _keeper.Problem.ToException();
        }
        finally
        {
            _keeper.Used(held);
        }
    }

    /// <summary>Gives the lease up and wipes the KEKs.</summary>
    public async ValueTask DisposeAsync()
    {
        await _keeper.DisposeAsync();
        _session.Dispose();
    }

    private CustodyStatus StatusOf(HeldLease? held)
    {
        if (held is null)
        {
            return _keeper.Problem;
        }

        long now = held.Now;
        if (now >= held.End)
        {
            return Ended(held);
        }

        if (!held.Terms.Release)
        {
            return CustodyStatus.Unavailable(
                StatusCode.FailedPrecondition, $"the broker does not release KEK {held.Terms.Kek}: use custody remote, or allow its release there");
        }

        return held.ActiveAt(now) is { } active && held.Ring.Find(active) is not null
            ? CustodyStatus.Ready(active)
            : CustodyStatus.Unavailable(StatusCode.FailedPrecondition, $"the lease has no active version of KEK {held.Terms.Kek}: enable one at the broker");
    }

    private CustodyStatus Ended(HeldLease held) => CustodyStatus.Unavailable(
        _keeper.Problem.ErrorCode,
        held.Now >= held.Terms.Expires
            ? $"the lease is over; {_keeper.Problem.Healthz}"
            : "every use that the lease allows was made; it is being renewed, allow more at the broker if this repeats");
}
