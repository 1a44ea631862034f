namespace Cloister.AdminApi;

/// <summary>Paths and bounds of the broker's administration. Source: docs/broker-administration.md.</summary>
public static class AdminPaths
{
    /// <summary>What every path begins with.</summary>
    public const string Prefix = "/admin/v1";

    /// <summary>Who the caller is to the broker.</summary>
    public const string WhoAmI = Prefix + "/whoami";

    /// <summary>The authority's certificate.</summary>
    public const string AuthorityCertificate = Prefix + "/authority/certificate";

    /// <summary>KEKs; below it each by name, and its versions.</summary>
    public const string Keks = Prefix + "/keks";

    /// <summary>Splits the authority's key into recovery shares.</summary>
    public const string AuthorityExport = Prefix + "/authority/export";

    /// <summary>Takes a KEK version in from recovery shares.</summary>
    public const string Restore = Prefix + "/restore";

    /// <summary>Proves that recovery shares restore a KEK version; changes nothing.</summary>
    public const string Drill = Prefix + "/drill";

    /// <summary>Policies; below it each by name.</summary>
    public const string Policies = Prefix + "/policies";

    /// <summary>What a policy would have refused.</summary>
    public const string DryRun = Prefix + "/policy-dry-run";

    /// <summary>Leases of enclaves.</summary>
    public const string Enclaves = Prefix + "/enclaves";

    /// <summary>Which enclaves will be refused.</summary>
    public const string Forecast = Enclaves + "/forecast";

    /// <summary>The collateral that the broker has.</summary>
    public const string Collateral = Prefix + "/collateral";

    /// <summary>Revocations in force.</summary>
    public const string Revocations = Prefix + "/revocations";

    /// <summary>Takes a revocation back.</summary>
    public const string Lift = Revocations + "/lift";

    /// <summary>The audit log as JSON lines.</summary>
    public const string Audit = Prefix + "/audit";

    /// <summary>Requests that wait for a second administrator.</summary>
    public const string Requests = Prefix + "/requests";

    /// <summary>Header of every answer in the last 30 days of the caller's key: until when it counts, RFC 3339.</summary>
    public const string KeyExpiresHeader = "Cloister-Key-Expires";

    /// <summary>Longest body of a request, in bytes.</summary>
    public const int MaxBodySize = 2 * 1024 * 1024;
}
