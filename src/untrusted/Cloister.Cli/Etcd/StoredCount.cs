namespace Cloister.Cli.Etcd;

/// <summary>How values are stored, and what the rules of a coverage say to it. The same storage can be stale in one namespace and current in another.</summary>
/// <param name="Storage">How.</param>
/// <param name="Stale">As <see cref="CoverageRules.IsStale"/> says.</param>
/// <param name="Holds">As <see cref="CoverageRules.Holds"/> says.</param>
/// <param name="Opens">Whether the enclave could open it; null when it was not asked or cannot tell.</param>
internal sealed record StoredCount(Storage Storage, bool? Stale, bool Holds, bool? Opens);
