namespace Cloister.Cli.Enclaves;

/// <summary>The files of a simulated vendor. secrets: its keys lie in the folder, in clear.</summary>
internal sealed record SimulatedVendorFiles(string Folder)
{
    /// <summary>Its root certificate, PEM: what a policy or an operator has to name.</summary>
    internal string Root => Path.Combine(Folder, "root.pem");

    /// <summary>Its collateral, for verifiers.</summary>
    internal string Collateral => Path.Combine(Folder, "collateral");
}
