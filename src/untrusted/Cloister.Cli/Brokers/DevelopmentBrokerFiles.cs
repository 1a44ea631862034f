using System.Net;
using Cloister.Cli.Enclaves;

namespace Cloister.Cli.Brokers;

/// <summary>The files of a development broker in one folder. secrets: the root key and the administrator's key lie here, in clear.</summary>
internal sealed class DevelopmentBrokerFiles
{
    private const string AnyPort = "127.0.0.1:0";
    private const UnixFileMode OnlyOwner = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    internal DevelopmentBrokerFiles(string folder)
    {
        Folder = Path.GetFullPath(folder);
    }

    internal string Folder { get; }

    /// <summary>The simulated vendor: its root for policies, its collateral for the broker, its keys for simulated enclaves.</summary>
    internal SimulatedVendorFiles Vendor => new(Path.Combine(Folder, "vendor"));

    internal string Configuration => Path.Combine(Folder, "broker.yaml");

    /// <summary>Certificate of the administrator, PEM.</summary>
    internal string AdministratorCertificate => Path.Combine(Folder, "administrator.pem");

    /// <summary>Private key of the administrator, PEM.</summary>
    internal string AdministratorKey => Path.Combine(Folder, "UNPROTECTED-administrator.key");

    /// <summary>Both for a browser, PKCS#12 with <see cref="BrowserPassword"/>.</summary>
    internal string BrowserIdentity => Path.Combine(Folder, "UNPROTECTED-administrator.p12");

    /// <summary>What browsers ask for; it keeps nobody out, the file's mode does.</summary>
    internal const string BrowserPassword = "development";

    // Two lines: where enclaves, and where administrators connected last.
    private string Addresses => Path.Combine(Folder, "addresses");

    /// <summary>
    /// Writes the configuration: SQLite, a root key in a file, one administrator with every role, the addresses of the last start if they
    /// are free, so that enclaves and administrators find it again, else any.
    /// </summary>
    /// <param name="administratorPin">The administrator's pin.</param>
    /// <param name="options">How it is run.</param>
    /// <exception cref="CliException">The folder cannot be used.</exception>
    internal void Prepare(string administratorPin, DevelopmentBrokerOptions options)
    {
        try
        {
            File.WriteAllText(Configuration, Text(administratorPin, options, LastAddresses() ?? [AnyPort, AnyPort]));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CliException($"{Folder} cannot be used: {e.Message}");
        }
    }

    /// <summary>Writes down where it listens now.</summary>
    internal void Remember(Uri enclaves, Uri administrators) => File.WriteAllLines(Addresses, [enclaves.Authority, administrators.Authority]);

    /// <summary>Makes the folder and claims it for this process, until the stream is closed or the process ends.</summary>
    /// <exception cref="CliException">It cannot be made, or another process has it.</exception>
    internal FileStream Claim()
    {
        if (Folder.Any(c => c is '"' or '\\' || char.IsControl(c)))
        {
            throw new CliException($"{Folder} cannot be written into configuration: use a folder without \", \\ and control characters");
        }

        try
        {
            Directory.CreateDirectory(Folder, OnlyOwner);
            return DirectoryLock.Take(Folder);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CliException($"{Folder} cannot be used: {e.Message}");
        }
    }

    private string[]? LastAddresses()
    {
        string[] lines = File.Exists(Addresses) ? File.ReadAllLines(Addresses) : [];
        return lines.Length == 2 && lines.All(line => IPEndPoint.TryParse(line, out IPEndPoint? address) && LoopbackPort.IsFree(address)) ? lines : null;
    }

    private string Text(string administratorPin, DevelopmentBrokerOptions options, string[] addresses) => $"""
        # Written at every start, for development: one person does everything, and the root key is a file.
        apiVersion: cloister.dev/v1alpha1
        kind: BrokerConfiguration
        listen: "{addresses[0]}"
        database: "sqlite:{Path.Combine(Folder, "broker.db")}"
        rootKey:
          file: "{Path.Combine(Folder, "UNPROTECTED-root.key")}"
        collateral:
          directory: "{Vendor.Collateral}"
        otherRoots: allowed # the simulated vendor's
        admin:
          listen: "{addresses[1]}"
          administrators:
            - name: developer
              key: "{administratorPin}"
              roles: [auditor, operator, keyCustodian]
          twoPersons: []
        {(options.Console ? "  console: enabled" : "")}
        {options.KeyStore}
        {(Traces.CommandTraces.Endpoint is { } collector ? $"traces: {{ endpoint: \"{collector}\" }}" : "")}

        """;
}
