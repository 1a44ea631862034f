using Cloister.Attestation.Abi.Snp;

namespace Cloister.Simulator.Snp;

/// <summary>What a VCEK or VLEK certificate is to say. The defaults make a valid one; every part can be made wrong.</summary>
public sealed record SnpEndorsementRequest
{
    /// <summary>VCEK or VLEK: decides issuer, common name and which of hardware id and provider it has.</summary>
    public SnpSigningKey Kind { get; init; } = SnpSigningKey.Vcek;

    /// <summary>Security patch levels.</summary>
    public SnpTcb Tcb { get; init; } = new(0, 3, 0, 8, 115);

    /// <summary>Product name; null for the vendor's product line.</summary>
    public string? ProductName { get; init; }

    /// <summary>Hardware id, raw; null for none. Not used for a VLEK unless <see cref="ForceBothIds"/>.</summary>
    public byte[]? HardwareId { get; init; }

    /// <summary>Provider of a VLEK.</summary>
    public string CspId { get; init; } = "CN=simulated.example";

    /// <summary>Puts in both hardware id and provider, which no real certificate does.</summary>
    public bool ForceBothIds { get; init; }

    /// <summary>Whether to put in the FMC level; null for what the product line does.</summary>
    public bool? WithFmc { get; init; }

    /// <summary>Common name; null for the kind's.</summary>
    public string? CommonName { get; init; }

    /// <summary>Lets the other authority sign: the ASVK a VCEK, the ASK a VLEK.</summary>
    public bool WrongIssuer { get; init; }

    /// <summary>Last arcs under 1.3.6.1.4.1.3704.1 of extensions to leave out, such as "3.8".</summary>
    public IReadOnlyCollection<string> Omit { get; init; } = [];

    /// <summary>Extensions to add or to replace: last arcs and raw value.</summary>
    public IReadOnlyDictionary<string, byte[]> Replace { get; init; } = new Dictionary<string, byte[]>();

    /// <summary>Adds a critical extension that nobody knows.</summary>
    public bool WithUnknownCriticalExtension { get; init; }

    /// <summary>Uses a P-256 key, which no real one is.</summary>
    public bool WithP256Key { get; init; }

    /// <summary>First moment of validity; null for the vendor's.</summary>
    public DateTimeOffset? NotBefore { get; init; }

    /// <summary>Last moment of validity; null for the vendor's.</summary>
    public DateTimeOffset? NotAfter { get; init; }
}
