namespace Cloister.Cli.Etcd.Rotate;

/// <summary>Where the command line says that the new version comes from.</summary>
internal sealed record RotationSource(IReadOnlyList<string> AdminSockets, string? Name, uint Version, bool Create, bool Rotated)
{
    /// <summary>True when a KEK is expected on standard input.</summary>
    internal bool NeedsKey => !Rotated && !Create;

    /// <exception cref="CliException">It does not go together.</exception>
    internal void Check(bool retires)
    {
        if (Rotated)
        {
            if (AdminSockets.Count > 0 || Name is not null || Version != 0 || Create || retires)
            {
                throw new CliException("--rotated goes without --admin-socket, --name, --version, --create and --retire: the version is made, and retired, elsewhere");
            }

            return;
        }

        if (AdminSockets.Count == 0 || Name is null)
        {
            throw new CliException("custody manual needs --admin-socket for every node and --name; other custodies --rotated, after the broker or remote KMS made the version");
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

    internal IKekRotation Make(byte[]? key) => Rotated ? new RotatedElsewhere() : new ManualKekRotation(AdminSockets, Name!, Version, key);
}
