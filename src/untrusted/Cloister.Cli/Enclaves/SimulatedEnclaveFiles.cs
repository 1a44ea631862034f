using System.Security.Cryptography;
using System.Text;
using Cloister.Cli.Dev;
using Cloister.Sockets;

namespace Cloister.Cli.Enclaves;

/// <summary>The files of a simulated enclave in one folder.</summary>
internal sealed class SimulatedEnclaveFiles
{
    private const UnixFileMode OnlyOwner = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    internal SimulatedEnclaveFiles(string folder)
    {
        Folder = Path.GetFullPath(folder);
    }

    internal string Folder { get; }

    internal string KmsSocket => Path.Combine(Folder, "kms.sock");

    internal string AdminSocket => Path.Combine(Folder, "admin.sock");

    internal string SecretsSocket => Path.Combine(Folder, "secrets.sock");

    internal string Configuration => Path.Combine(Folder, "enclave.yaml");

    internal string EncryptionConfiguration => Path.Combine(Folder, "encryption.yaml");

    /// <summary>KEKs of the software KMS, in clear, for development.</summary>
    internal string SoftwareKmsKeys => Path.Combine(Folder, "UNPROTECTED-software-kms.json");

    /// <summary>A simulated vendor of its own, where there is no broker that has one: its quotes are the enclave's evidence for an operator.</summary>
    internal SimulatedVendorFiles Vendor => new(Path.Combine(Folder, "vendor"));

    /// <summary>The appraisal policy by which an operator knows this enclave.</summary>
    internal string AppraisalPolicy => Path.Combine(Folder, "appraisal.yaml");

    /// <summary>The key of the operator whom the configuration pins, custody manual.</summary>
    internal string OperatorKey => Path.Combine(Folder, Operators.OperatorKey.FileName);

    /// <summary>Files of the gateway.</summary>
    internal GatewayFiles Gateway => new(Path.Combine(Folder, "gateway"));

    private string State => Path.Combine(Folder, "state");

    /// <summary>Makes the folder and claims it for this process, until the stream is closed or the process ends.</summary>
    /// <exception cref="CliException">It cannot be made, or another process has it.</exception>
    internal FileStream Claim()
    {
        if (ListenAddress.Parse($"unix:{SecretsSocket}", out string error) is null)
        {
            throw new CliException($"{SecretsSocket}: {error}");
        }

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

    /// <summary>Writes the configuration into the claimed folder.</summary>
    internal void Prepare(SimulatedEnclaveOptions options)
    {
        try
        {
            Directory.CreateDirectory(State, OnlyOwner);
            File.WriteAllText(Configuration, ConfigurationText(options));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CliException($"{Folder} cannot be used: {e.Message}");
        }
    }

    /// <summary>SHA-384 of the configuration that <see cref="Prepare"/> writes, hex: what a release policy names.</summary>
    internal string ConfigurationDigest(SimulatedEnclaveOptions options) =>
        Convert.ToHexStringLower(SHA384.HashData(Encoding.UTF8.GetBytes(ConfigurationText(options))));

    private string OperatorPin()
    {
        using Operators.OperatorKey key = File.Exists(OperatorKey) ? Operators.OperatorKey.Read(OperatorKey) : Operators.OperatorKey.Make(OperatorKey);
        return key.Pin;
    }

    private string GatewayText(SimulatedEnclaveOptions options)
    {
        if (options.Etcd is not { } etcd)
        {
            return "";
        }

        string endpoints = string.Join(", ", etcd.Endpoints.Select(uri => $"\"{uri.GetLeftPart(UriPartial.Authority)}\""));
        string files = string.Concat(
            new[] { ("ca", etcd.CaPath), ("certificate", etcd.CertificatePath), ("key", etcd.KeyPath) }
                .Where(file => file.Item2 is not null)
                .Select(file => $"    {file.Item1}: \"{Path.GetFullPath(file.Item2!)}\"\n{(file.Item1 == "ca" ? Pins("ca", file.Item2!) : "")}"));
        string issuer = options.Broker is null
            ? $"    certificate: \"{Gateway.ServerCertificate}\"\n    key: \"{Gateway.ServerKey}\"\n"
            : "    issuer: broker\n";
        string keks = string.Concat(options.NamespaceKeks.Rules.Select(rule =>
            $"    - namespaces: [{string.Join(", ", rule.Namespaces.Select(name => $"\"{name}\""))}]\n      kek: {rule.Kek}\n"));
        return $"""
            gateway:
              listen: "tcp:127.0.0.1:{Gateway.ChoosePort()}"
              tls:
            {issuer}    clientCa: "{Gateway.ClientCa}"
            {Pins("clientCa", Gateway.ClientCa)}    clients: [{DevelopmentCertificates.ClientName}]
              etcd:
                endpoints: [{endpoints}]
            {files}  mode: {options.GatewayMode}
            {(keks.Length > 0 ? $"  keks:\n{keks}" : "")}

            """;
    }

    // What the file holds now is what the enclave trusts.
    private static string Pins(string field, string file) =>
        File.Exists(file) ? $"    {field}Pins: [\"sha256:{Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(file)))}\"]\n" : "";

    private string ConfigurationText(SimulatedEnclaveOptions options)
    {
        string state = options.Custody is "manual" or "attested" && options.KeepsSealedCopy
            ? $"state:\n  directory: \"{State}\"\n{(options.Custody == "attested" ? "  sealedLease: survives-revocation\n" : "")}"
            : "";
        string operators = options.Custody == "manual" ? $"  manual:\n    operators: [\"{OperatorPin()}\"]\n" : "";
        string broker = options.Broker is { } access
            ? $"broker:\n  urls: [\"{access.Url}\"]\n  pins: [\"{access.Pin}\"]\n  kek: {access.Kek}\n"
            : "";
        string evidence = options.VendorDirectory is { } vendor
            ? $"  vendorDirectory: \"{vendor}\"\n  measurement: \"{options.Measurement}\"\n  tamper: {options.Tamper}\n"
            : "";
        return $"""
            # Written by 'cloister dev' at every start.
            apiVersion: cloister.dev/v1alpha1
            kind: EnclaveConfiguration
            cluster: "{options.Cluster}"
            provider: "{options.Provider}"
            kms:
              listen: "unix:{KmsSocket}"
            admin:
              listen: "unix:{AdminSocket}"
            secrets:
              listen: "unix:{SecretsSocket}"
            custody:
              mode: {options.Custody}
            {operators}{state}{broker}{GatewayText(options)}simulation:
              sealingKeyFile: "{Path.Combine(State, "UNPROTECTED-sealing.key")}"
            {evidence}  remoteKms:
                keyFile: "{SoftwareKmsKeys}"
                latency: {options.KmsLatencyMilliseconds}ms

            """;
    }
}
