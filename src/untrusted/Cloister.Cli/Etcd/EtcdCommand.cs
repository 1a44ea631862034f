using System.CommandLine;

namespace Cloister.Cli.Etcd;

/// <summary><c>cloister etcd</c>: what lies in etcd.</summary>
internal static class EtcdCommand
{
    internal static Command Create() => new("etcd", "What lies in etcd; nothing is written.")
    {
        CoverageCommand.Create(),
    };
}
