using System.CommandLine;
using Cloister.Cli.Administration;
using Cloister.Cli.Collateral;
using Cloister.Cli.Config;
using Cloister.Cli.Demo;
using Cloister.Cli.Dev;
using Cloister.Cli.Doctor;
using Cloister.Cli.Etcd;
using Cloister.Cli.Evidence;
using Cloister.Cli.Init;
using Cloister.Cli.Kek;
using Cloister.Cli.Metrics;
using Cloister.Cli.Policy;
using Cloister.Cli.Probe;
using Cloister.Cli.Provision;
using Cloister.Cli.Reference;
using Cloister.Cli.Relay;
using Cloister.Cli.RollOut;
using Cloister.Cli.Support;
using Cloister.Cli.Upgrade;
using Cloister.Cli.Vm;

namespace Cloister.Cli;

/// <summary>The command <c>cloister</c> with all its verbs.</summary>
internal static class CloisterCommand
{
    /// <summary>Makes it, for one command line.</summary>
    internal static RootCommand Create()
    {
        RootCommand root = new("Encryption of Kubernetes Secrets with keys that exist in clear only inside a TEE.")
        {
            DevCommand.Create(),
            DemoCommand.Create(),
            ProbeCommand.Create(),
            DoctorCommand.Create(),
            MetricsCommand.Create(),
            KekCommand.Create(),
            ProvisionCommand.Create(),
            EtcdCommand.Create(),
            EvidenceCommand.Create(),
            PolicyCommand.Create(),
            EnclavesCommand.Create(),
            CollateralCommand.Create(),
            AuditCommand.Create(),
            AdminCommand.Create(),
            InitCommand.Create(),
            ConfigCommand.Create(),
            RolloutCommand.Create(),
            SupportBundleCommand.Create(),
            UpgradeCommand.Create(),
            RelayCommand.Create(),
            VmCommand.Create(),
            DemoApiServer.Create(),
        };
        ReferenceCommands.AddTo(root);
        return root;
    }
}
