using System.CommandLine;
using Cloister.Cli.Etcd.Rewrap;
using Cloister.Cli.Etcd.Rotate;
using Cloister.Cli.Offline;

namespace Cloister.Cli.Etcd;

/// <summary><c>cloister etcd</c>: what lies in etcd.</summary>
internal static class EtcdCommand
{
    internal static Command Create() => new("etcd", "What lies in etcd: look at it, bring it under the current KEK, read it without a cluster.")
    {
        CoverageCommand.Create(),
        RewrapCommand.Create(),
        RotateCommand.Create(),
        RotationStatusCommand.Create(),
        DecryptCommand.Create(),
    };
}
