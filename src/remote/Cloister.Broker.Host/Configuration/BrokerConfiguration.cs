using System.Net;
using Cloister.Broker.Policies;

namespace Cloister.Broker.Host.Configuration;

/// <summary>
/// What a broker is told (<c>kind: BrokerConfiguration</c>, docs/broker.md). Read by <see cref="BrokerConfigurationReader"/>.
/// secrets: the database's address may hold a password; it is shown nowhere.
/// </summary>
internal sealed record BrokerConfiguration
{
    /// <summary>Where enclaves connect; port 0: any.</summary>
    public required IPEndPoint Listen { get; init; }

    /// <summary>The database: an address that DatabaseAddress has read.</summary>
    public required string Database { get; init; }

    /// <summary>What wraps keys at rest.</summary>
    public required RootKeyOptions RootKey { get; init; }

    /// <summary>The root key that is to follow while it rotates; null: none.</summary>
    public RootKeyOptions? NewRootKey { get; init; }

    /// <summary>A directory of this broker alone, outside of the database; null: none.</summary>
    public string? StateDirectory { get; init; }

    /// <summary>The authority key when it is in a token; null: wrapped by the root key.</summary>
    public AuthorityKeyOptions? AuthorityKey { get; init; }

    /// <summary>The authority key in a token that is to follow; null: none.</summary>
    public AuthorityKeyOptions? NewAuthorityKey { get; init; }

    /// <summary>A key store besides the database; null: none.</summary>
    public KeyStoreOptions? KeyStore { get; init; }

    /// <summary>A certificate from elsewhere; null: the authority issues one.</summary>
    public TlsFiles? Tls { get; init; }

    /// <summary>Where collateral comes from.</summary>
    public required CollateralOptions Collateral { get; init; }

    /// <summary>Roots that policies may trust besides the vendors'.</summary>
    public OtherRoots OtherRoots { get; init; } = OtherRoots.None;

    /// <summary>What strangers and platforms may ask.</summary>
    public LimitOptions Limits { get; init; } = LimitOptions.Default;

    /// <summary><c>aud</c> of tokens; null: the brokers of the authority.</summary>
    public string? TokenAudience { get; init; }

    /// <summary>What becomes of the audit log.</summary>
    public AuditSection Audit { get; init; } = AuditSection.None;

    /// <summary>Where traces go; null: there are none.</summary>
    public TraceSection? Traces { get; init; }

    /// <summary>SHA-256 of the configuration's text, lower-case hex.</summary>
    public string Digest { get; init; } = "";

    /// <summary>Administration; null: none over the network.</summary>
    public AdminSection? Admin { get; init; }
}
