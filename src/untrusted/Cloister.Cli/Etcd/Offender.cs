namespace Cloister.Cli.Etcd;

/// <summary>A key for which the requirement does not hold, whose value does not open, or is encrypted once more inside (its prefix there).</summary>
internal sealed record Offender(string Key, Storage Storage, bool? Opens, string Inner);
