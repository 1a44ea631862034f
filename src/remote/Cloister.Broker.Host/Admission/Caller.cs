using Cloister.Broker.Tokens;
using Cloister.Collateral;

namespace Cloister.Broker.Host.Admission;

/// <summary>Who asks, as far as it is known before evidence is looked at. Holds a place until it is disposed.</summary>
internal sealed class Caller : IDisposable
{
    private readonly IDisposable _place;

    internal Caller(string source, VerifiedToken? token, TokenLease? lease, IDisposable place)
    {
        Source = source;
        Token = token;
        Lease = lease;
        _place = place;
    }

    /// <summary>Where from.</summary>
    public string Source { get; }

    /// <summary>The token of a lease that it showed, which the attested key alone can have; or null.</summary>
    public VerifiedToken? Token { get; }

    /// <summary>The lease of the token.</summary>
    public TokenLease? Lease { get; }

    /// <summary>Whether it has a lease; a stranger may be an enclave that has none yet.</summary>
    public Requester Requester => Lease is null ? Requester.Unknown : Requester.Known;

    /// <inheritdoc />
    public void Dispose() => _place.Dispose();
}
