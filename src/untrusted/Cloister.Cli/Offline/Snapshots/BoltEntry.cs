namespace Cloister.Cli.Offline.Snapshots;

/// <summary>A key with its value, or the name of a bucket with its head.</summary>
internal readonly record struct BoltEntry(bool IsBucket, ReadOnlyMemory<byte> Key, ReadOnlyMemory<byte> Value);
