using System.Security.Cryptography;
using System.Text.Json.Nodes;
using Cloister.Broker.State;
using Cloister.Broker.State.Audit;
using Cloister.Broker.State.Keks;
using Cloister.Broker.Tokens;
using Cloister.Contracts.Envelope;
using Cloister.Contracts.Keys;
using Cloister.Kbs;

namespace Cloister.Broker.Host.Serving;

/// <summary>
/// Wraps and unwraps under KEKs that are never released (docs/broker-protocol.md, "Wrap and unwrap"). Counted against the
/// budget of the lease and in the audit log before it is answered.
/// Thread-safe. secrets: items pass through; what arrived or is answered in clear is wiped by the caller.
/// </summary>
internal sealed class CryptoService(KekDirectory keks, RevocationList revocations, IBrokerState state)
{
    // Wrapping makes an item longer; what was wrapped must come back.
    private const int MaxWrappedSize = 2 * KbsPaths.MaxItemSize;

    /// <summary>Wraps.</summary>
    /// <exception cref="ProtocolException">It is refused.</exception>
    public async Task<CryptoResponse> WrapAsync(VerifiedToken token, TokenLease lease, CryptoRequest request, CancellationToken cancellation)
    {
        (Kek kek, KekIdentity identity, EnvelopeContext context) = await OpenAsync(token, lease, request, KbsPaths.MaxItemSize, cancellation);
        IReadOnlyList<byte[]> wrapped = await keks.StoreOf(kek).WrapAsync(identity, context, Items(request), cancellation);
        await RecordAsync("wrap", lease, request, wraps: wrapped.Count, unwraps: 0, refused: 0, cancellation);
        return new CryptoResponse(wrapped);
    }

    /// <summary>Unwraps.</summary>
    /// <exception cref="ProtocolException">It is refused.</exception>
    public async Task<CryptoResponse> UnwrapAsync(VerifiedToken token, TokenLease lease, CryptoRequest request, CancellationToken cancellation)
    {
        (Kek kek, KekIdentity identity, EnvelopeContext context) = await OpenAsync(token, lease, request, MaxWrappedSize, cancellation);
        IReadOnlyList<byte[]?> unwrapped = await keks.StoreOf(kek).UnwrapAsync(identity, context, Items(request), cancellation);
        try
        {
            await RecordAsync("unwrap", lease, request, wraps: 0, unwraps: unwrapped.Count, unwrapped.Count(item => item is null), cancellation);
            return new CryptoResponse(unwrapped);
        }
        catch
        {
            Wipe(unwrapped);
            throw;
        }
    }

    /// <summary>Wipes items.</summary>
    public static void Wipe(IEnumerable<byte[]?> items)
    {
        foreach (byte[]? item in items)
        {
            CryptographicOperations.ZeroMemory(item);
        }
    }

    private static ReadOnlyMemory<byte>[] Items(CryptoRequest request) => [.. request.Items.Select(item => new ReadOnlyMemory<byte>(item))];

    private async Task<(Kek Kek, KekIdentity Identity, EnvelopeContext Context)> OpenAsync(
        VerifiedToken token, TokenLease lease, CryptoRequest request, int maxItemSize, CancellationToken cancellation)
    {
        if (request.Items.Count is 0 or > KbsPaths.MaxItems || request.Items.Any(item => item is null || item.Length == 0 || item.Length > maxItemSize))
        {
            throw new ProtocolException(ProtocolError.BadRequest, $"items: 1 to {KbsPaths.MaxItems}, each of 1 to {maxItemSize} bytes");
        }

        EnvelopeContext context = ContextOf(request);
        if (request.Cluster != lease.Cluster || request.Provider != lease.Provider)
        {
            throw new ProtocolException(ProtocolError.PolicyDeny, "cluster, provider: the lease is another cluster's or provider's");
        }

        Kek kek = await keks.FindAsync(lease.Cluster, lease.Kek, cancellation);
        (await revocations.CurrentAsync(cancellation)).Check(lease.Instance, token.Subject.Measurement, token.Subject.Platforms, kek.Record.Name);
        if (kek.Record.Release)
        {
            throw new ProtocolException(ProtocolError.PolicyDeny, "this KEK is released to enclaves and used there: take custody attested, or a KEK that is not released");
        }

        return (kek, keks.EnabledVersion(kek, request.KeyId), context);
    }

    private static EnvelopeContext ContextOf(CryptoRequest request)
    {
        try
        {
            return new EnvelopeContext(request.Purpose, request.Cluster, request.Provider);
        }
        catch (ArgumentException e)
        {
            throw new ProtocolException(ProtocolError.BadRequest, e.Message);
        }
    }

    // The work is done before it is known whether it may be: one write then counts, decides and logs. What it made is not answered when it may not.
    private async Task RecordAsync(string act, TokenLease lease, CryptoRequest request, int wraps, int unwraps, int refused, CancellationToken cancellation)
    {
        JsonObject details = new()
        {
            ["lease"] = lease.Lease, ["instance"] = lease.Instance, ["kek"] = lease.Kek, ["keyId"] = request.KeyId, ["count"] = wraps + unwraps, ["notAuthentic"] = refused,
        };
        JsonObject tooMany = new() { ["lease"] = lease.Lease, ["instance"] = lease.Instance, ["kek"] = lease.Kek, ["act"] = act, ["count"] = wraps + unwraps };
        if (!await state.TryUseAsync(lease.Lease, wraps, unwraps, new AuditEvent(act, details), new AuditEvent("lease.exhausted", tooMany), cancellation))
        {
            throw new ProtocolException(
                ProtocolError.TokenVerifierError, $"lease: fewer {act}s are left than were asked for, so it is over: renew it; when this repeats, its policy has to allow more");
        }
    }
}
