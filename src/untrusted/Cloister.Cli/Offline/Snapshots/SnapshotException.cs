namespace Cloister.Cli.Offline.Snapshots;

/// <summary>A file that is not a whole snapshot of etcd. The message says what is wrong, never what is in it.</summary>
internal sealed class SnapshotException : Exception
{
    internal SnapshotException(string message)
        : base(message)
    {
    }
}
