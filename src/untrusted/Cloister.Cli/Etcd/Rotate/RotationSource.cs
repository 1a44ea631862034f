using Cloister.Administration.Client;

namespace Cloister.Cli.Etcd.Rotate;

/// <summary>Where the command line says that the new version comes from.</summary>
internal sealed record RotationSource(IReadOnlyList<string> AdminSockets, string? Name, uint Version, bool Create, bool Rotated, string? Context, TimeSpan Notice, string? OperatorKey = null)
{
    /// <summary>True when a KEK is expected on standard input.</summary>
    internal bool NeedsKey => !Rotated && !Create && Context is null;

    /// <exception cref="CliException">It does not go together.</exception>
    internal void Check(bool retires)
    {
        if (Rotated)
        {
            if (AdminSockets.Count > 0 || Name is not null || Version != 0 || Create || retires || Context is not null)
            {
                throw new CliException("--rotated goes without --admin-socket, --name, --version, --create, --context and --retire: the version is made, and retired, elsewhere");
            }

            return;
        }

        if (Context is not null)
        {
            if (Name is null || AdminSockets.Count > 0 || Version != 0 || Create)
            {
                throw new CliException("--context needs --name, and goes without --admin-socket, --version and --create: the broker makes the version");
            }

            return;
        }

        if (AdminSockets.Count == 0 || Name is null)
        {
            throw new CliException("custody manual needs --admin-socket for every node and --name; custody attested needs --context and --name; or --rotated, after a broker or remote KMS made the version");
        }

        if (Create && (AdminSockets.Count > 1 || Version != 0))
        {
            throw new CliException("--create is for one node, and takes the next version: several nodes need the same KEK, on standard input with --version");
        }

        if (!Create && Version == 0)
        {
            throw new CliException("--version has to say which version the KEK on standard input is");
        }
    }

    /// <param name="key">The KEK from standard input, when it is needed.</param>
    /// <param name="broker">The broker of the context, when there is one.</param>
    internal IKekRotation Make(byte[]? key, AdministrationClient? broker)
    {
        if (broker is not null)
        {
            return new BrokerKekRotation(broker, Name!, Notice);
        }

        return Rotated ? new RotatedElsewhere() : new ManualKekRotation(AdminSockets, Name!, Version, key, OperatorKey);
    }
}
