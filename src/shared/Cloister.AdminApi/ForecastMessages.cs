namespace Cloister.AdminApi;

/// <summary>How it looks for an enclave, as of now.</summary>
public static class Outlooks
{
    /// <summary>Accepted, by what counts and by what may count soon.</summary>
    public const string Accepted = "accepted";

    /// <summary>Refused at its next renewal.</summary>
    public const string RefusedNow = "refusedNow";

    /// <summary>Refused as soon as early collateral is what counts.</summary>
    public const string RefusedByEarly = "refusedByEarly";

    /// <summary>Refused within the days that are looked ahead, unless what ends is fetched anew.</summary>
    public const string RefusedSoon = "refusedSoon";

    /// <summary>It cannot be told.</summary>
    public const string Unknown = "unknown";
}

/// <summary>How it looks for an enclave that has a lease.</summary>
/// <param name="Lease">32 hex.</param>
/// <param name="Instance">Thumbprint of the enclave's key.</param>
/// <param name="Cluster">Cluster.</param>
/// <param name="Provider">Name of the KMS provider.</param>
/// <param name="Kek">Name of the KEK.</param>
/// <param name="Tee">sgx, tdx, snp, nitro.</param>
/// <param name="Measurement">What was measured, hex.</param>
/// <param name="Platform">The platform, hex; empty if unknown.</param>
/// <param name="Policy">The policy that decides: the KEK's, as it is now.</param>
/// <param name="Outlook">One of <see cref="Outlooks"/>.</param>
/// <param name="Early">Whether early collateral was looked at.</param>
/// <param name="Step">The rule or step that fails, also of fetching early collateral; empty: none.</param>
/// <param name="Detail">Why; empty: nothing fails.</param>
public sealed record EnclaveForecast(
    string Lease, string Instance, string Cluster, string Provider, string Kek, string Tee, string Measurement, string Platform, string Policy,
    string Outlook, bool Early, string Step, string Detail)
{
    /// <summary>Status of the trusted computing base by the collateral that counts; empty: the vendor has no such notion, or the evidence is refused.</summary>
    public string TcbStatus { get; init; } = "";

    /// <summary>The date of the platform's TCB level; null as above.</summary>
    public DateTimeOffset? TcbDate { get; init; }

    /// <summary>The vendor's advisories that apply.</summary>
    public IReadOnlyList<string> Advisories { get; init; } = [];
}

/// <summary>How it looks for all enclaves that have a lease.</summary>
/// <param name="At">When that was looked at.</param>
/// <param name="Days">How many days ahead.</param>
/// <param name="Failing">How many will be refused.</param>
/// <param name="Unknown">Of how many it cannot be told.</param>
/// <param name="WithoutEarly">How many SGX and TDX enclaves are accepted without early collateral, which was not to be had: what a TCB recovery changes is not known of them.</param>
/// <param name="Truncated">Whether there are more leases than are looked at.</param>
/// <param name="Enclaves">Each, those that fail first.</param>
public sealed record FleetForecast(DateTimeOffset At, int Days, int Failing, int Unknown, int WithoutEarly, bool Truncated, IReadOnlyList<EnclaveForecast> Enclaves)
{
    /// <summary>Counts what there is of each.</summary>
    public static FleetForecast Of(DateTimeOffset at, int days, bool truncated, IReadOnlyList<EnclaveForecast> enclaves) => new(
        at, days, enclaves.Count(one => one.Outlook is not (Outlooks.Accepted or Outlooks.Unknown)), enclaves.Count(one => one.Outlook == Outlooks.Unknown),
        enclaves.Count(one => one is { Early: false, Outlook: Outlooks.Accepted, Tee: "sgx" or "tdx" }), truncated, enclaves);
}

/// <summary>A part of collateral that a broker has.</summary>
/// <param name="Model">What it is for: TEE, FMSPC and authority, or <c>snp-milan</c>.</param>
/// <param name="Item">Which part: <c>tcb_info</c>, <c>pck_crl</c> and so on.</param>
/// <param name="Early">Whether it is of an evaluation that does not count yet.</param>
/// <param name="Source">Where it came from: a URL or a directory.</param>
/// <param name="IssuedAt">From when on it counts.</param>
/// <param name="EndsAt">Until when: the next is due, or a certificate ends.</param>
/// <param name="TcbEvaluationDataNumber">The evaluation's number; null: it has none.</param>
public sealed record CollateralEntry(string Model, string Item, bool Early, string Source, DateTimeOffset IssuedAt, DateTimeOffset EndsAt, int? TcbEvaluationDataNumber);

/// <summary>The collateral that a broker has.</summary>
/// <param name="At">The broker's clock.</param>
/// <param name="Items">What ends first comes first.</param>
public sealed record CollateralStatus(DateTimeOffset At, IReadOnlyList<CollateralEntry> Items)
{
    /// <summary>Puts them in their order.</summary>
    public static CollateralStatus Of(DateTimeOffset at, IEnumerable<CollateralEntry> items) => new(at, [.. items.OrderBy(one => one.EndsAt).ThenBy(one => one.Model, StringComparer.Ordinal)]);
}
