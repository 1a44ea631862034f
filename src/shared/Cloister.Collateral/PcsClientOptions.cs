namespace Cloister.Collateral;

/// <summary>Where Intel's collateral is fetched.</summary>
public sealed record PcsClientOptions
{
    /// <summary>The service: Intel's PCS, or a caching service (PCCS) in the data centre, up to the host and port.</summary>
    public Uri Service { get; init; } = new("https://api.trustedservices.intel.com/");

    /// <summary>
    /// The root's revocation list. Null: <c>rootcacrl</c> of the service, which a PCCS has and Intel's PCS has not. It is not taken from a certificate's distribution point: whoever sends the
    /// certificate would choose where this host connects to.
    /// </summary>
    public Uri? RootCaCrl { get; init; } = new("https://certificates.trustedservices.intel.com/IntelSGXRootCA.der");

    /// <summary>Whether to ask for early updates, which may demand more of platforms than the standard ones.</summary>
    public bool EarlyUpdates { get; init; }

    /// <summary>A caching service that has everything.</summary>
    public static PcsClientOptions ForPccs(Uri service) => new() { Service = service, RootCaCrl = null };
}
