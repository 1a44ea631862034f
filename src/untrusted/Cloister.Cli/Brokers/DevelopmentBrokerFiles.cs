namespace Cloister.Cli.Brokers;

/// <summary>The files of a development broker in one folder. secrets: the root key and the administrator's key lie here, in clear.</summary>
internal sealed class DevelopmentBrokerFiles
{
    private const UnixFileMode OnlyOwner = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    internal DevelopmentBrokerFiles(string folder)
    {
        Folder = Path.GetFullPath(folder);
    }

    internal string Folder { get; }

    /// <summary>The simulated vendor: its root for policies, its collateral for the broker, its keys for simulated enclaves.</summary>
    internal string Vendor => Path.Combine(Folder, "vendor");

    internal string VendorRoot => Path.Combine(Vendor, "root.pem");

    internal string Configuration => Path.Combine(Folder, "broker.yaml");

    /// <summary>Certificate of the administrator, PEM.</summary>
    internal string AdministratorCertificate => Path.Combine(Folder, "administrator.pem");

    /// <summary>Private key of the administrator, PEM.</summary>
    internal string AdministratorKey => Path.Combine(Folder, "UNPROTECTED-administrator.key");

    /// <summary>Writes the configuration: SQLite, a root key in a file, any free port, one administrator with every role.</summary>
    /// <param name="administratorPin">The administrator's pin.</param>
    /// <exception cref="CliException">The folder cannot be used.</exception>
    internal void Prepare(string administratorPin)
    {
        try
        {
            File.WriteAllText(Configuration, Text(administratorPin));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CliException($"{Folder} cannot be used: {e.Message}");
        }
    }

    /// <summary>Makes the folder.</summary>
    /// <exception cref="CliException">It cannot be made.</exception>
    internal void Make()
    {
        if (Folder.Any(c => c is '"' or '\\' || char.IsControl(c)))
        {
            throw new CliException($"{Folder} cannot be written into configuration: use a folder without \", \\ and control characters");
        }

        try
        {
            Directory.CreateDirectory(Folder, OnlyOwner);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CliException($"{Folder} cannot be used: {e.Message}");
        }
    }

    private string Text(string administratorPin) => $"""
        # Written at every start, for development: one person does everything, and the root key is a file.
        apiVersion: cloister.dev/v1alpha1
        kind: BrokerConfiguration
        listen: "127.0.0.1:0"
        database: "sqlite:{Path.Combine(Folder, "broker.db")}"
        rootKey:
          file: "{Path.Combine(Folder, "UNPROTECTED-root.key")}"
        collateral:
          directory: "{Path.Combine(Vendor, "collateral")}"
        admin:
          listen: "127.0.0.1:0"
          administrators:
            - name: developer
              key: "{administratorPin}"
              roles: [auditor, operator, keyCustodian]
          twoPersons: []

        """;
}
