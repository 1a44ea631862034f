using System.Text.Json;
using Cloister.Kbs;

namespace Cloister.Broker.Tokens;

/// <summary>Signs leases: compact JWS, ES256 (docs/broker-protocol.md, "Lease"). Thread-safe.</summary>
public sealed class LeaseSigner(BrokerAuthority authority)
{
    /// <summary><c>typ</c> of a lease.</summary>
    public const string Type = "cloister-lease+jwt";

    /// <summary>The signed lease.</summary>
    /// <exception cref="ArgumentException">The terms name another authority.</exception>
    public string Sign(LeaseTerms terms)
    {
        if (terms.Authority != authority.Id)
        {
            throw new ArgumentException("the terms are another authority's", nameof(terms));
        }

        return authority.SignLease(Type, JsonSerializer.SerializeToUtf8Bytes(terms, KbsJson.Default.LeaseTerms));
    }
}
