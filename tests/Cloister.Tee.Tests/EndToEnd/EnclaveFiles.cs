using System.Security.Cryptography;

namespace Cloister.Tee.Tests.EndToEnd;

/// <summary>A folder with the configuration of an enclave, its state and its socket.</summary>
internal sealed class EnclaveFiles : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("cloister-enclave-").FullName;

    /// <param name="broker">Whom it asks, and whom it believes.</param>
    /// <param name="kek">What it asks for.</param>
    /// <param name="keepsState">Keeps a sealed copy.</param>
    internal EnclaveFiles(LiveBroker broker, string kek, bool keepsState = false)
    {
        State = Directory.CreateDirectory(System.IO.Path.Combine(_folder, "state"), UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute).FullName;
        File.WriteAllText(Path, $$"""
            apiVersion: cloister.dev/v1alpha1
            kind: EnclaveConfiguration
            cluster: c1
            provider: tee
            kms: { listen: "unix:{{KmsSocket}}" }
            admin: { listen: "unix:{{AdminSocket}}" }
            custody: { mode: attested }
            broker:
              urls: ["{{broker.Process.Url.GetLeftPart(UriPartial.Authority)}}"]
              pins: ["{{broker.Process.Pin}}"]
              kek: {{kek}}
              timeout: 20s
            {{(keepsState ? $"state: {{ directory: {State}, sealedLease: survives-revocation }}" : "")}}
            """);
        Bytes = File.ReadAllBytes(Path);
    }

    internal string Path => System.IO.Path.Combine(_folder, "enclave.yaml");

    internal string KmsSocket => System.IO.Path.Combine(_folder, "kms.sock");

    internal string AdminSocket => System.IO.Path.Combine(_folder, "admin.sock");

    internal string State { get; }

    internal byte[] Bytes { get; }

    internal string Digest => Convert.ToHexStringLower(SHA384.HashData(Bytes));

    public void Dispose() => Directory.Delete(_folder, recursive: true);
}
