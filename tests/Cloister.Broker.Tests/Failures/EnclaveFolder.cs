using Cloister.Broker.Tests.Processes;
using Cloister.Simulator.Dcap;

namespace Cloister.Broker.Tests.Failures;

/// <summary>A folder with the configuration of a simulated enclave and its vendor, whose collateral the brokers of a folder get.</summary>
internal sealed class EnclaveFolder : IDisposable
{
    private const string Measurement = "51b1a7ed51b1a7ed51b1a7ed51b1a7ed51b1a7ed51b1a7ed51b1a7ed51b1a7ed";

    /// <param name="brokers">Where brokers read collateral. Evidence of <see cref="SimulatedEnclave"/> is TDX's there from now on.</param>
    public EnclaveFolder(BrokerFolder brokers)
    {
        Folder = Directory.CreateTempSubdirectory("cloister-enclave-").FullName;
        Vendor = Path.Combine(Folder, "vendor");
        DcapVendorDirectory.Open(Vendor, DateTimeOffset.UtcNow).Dispose();
        string collateral = Path.Combine(brokers.Folder, "collateral");
        foreach (string other in Directory.GetDirectories(collateral, "sgx-*"))
        {
            Directory.Delete(other, recursive: true);
        }

        foreach (string file in Directory.GetFiles(Path.Combine(Vendor, DcapVendorDirectory.CollateralFolder)))
        {
            File.Copy(file, Path.Combine(collateral, Path.GetFileName(file)), overwrite: true);
        }
    }

    /// <summary>For another enclave, of the same vendor.</summary>
    public EnclaveFolder(EnclaveFolder beside)
    {
        Folder = Directory.CreateTempSubdirectory("cloister-enclave-").FullName;
        Vendor = beside.Vendor;
    }

    public string Folder { get; }

    public string KmsSocket => Path.Combine(Folder, "kms.sock");

    public string Configuration => Path.Combine(Folder, "enclave.yaml");

    public string Vendor { get; }

    /// <summary>Writes a configuration.</summary>
    /// <param name="pin">The authority that the enclave believes.</param>
    /// <param name="urls">The brokers that it asks.</param>
    /// <param name="simulation">More of the section.</param>
    /// <param name="more">More sections.</param>
    public void Configure(string pin, IEnumerable<Uri> urls, string simulation = "", string more = "") => File.WriteAllText(Configuration, $$"""
        apiVersion: cloister.dev/v1alpha1
        kind: EnclaveConfiguration
        cluster: c1
        provider: tee
        kms: { listen: "unix:{{KmsSocket}}" }
        custody: { mode: attested }
        broker:
          urls: [{{string.Join(", ", urls.Select(url => $"\"{url.GetLeftPart(UriPartial.Authority)}\""))}}]
          pins: ["{{pin}}"]
          kek: secrets
          timeout: 10s
        simulation:
          vendorDirectory: {{Vendor}}
          {{simulation}}
        {{more}}
        """);

    /// <summary>A policy that accepts this enclave, whatever it is configured.</summary>
    public string Policy(string duration) => $$"""
        apiVersion: cloister.dev/v1alpha1
        kind: ReleasePolicy
        metadata: { name: simulated }
        spec:
          appraisal:
            sgx:
              debug: refuse
              enclave: [ { mrenclave: "{{Measurement}}" } ]
              configid: any
              tcb: { statuses: [UpToDate], advisories: [], minEvaluationDataNumber: 1, minDate: any }
              platforms: { allow: any }
              reportData: expected
          configDigests: any
          roots:
            - |
              {{File.ReadAllText(Path.Combine(Vendor, DcapVendorDirectory.RootFile)).TrimEnd().Replace("\n", "\n      ", StringComparison.Ordinal)}}
          lease: { duration: {{duration}}, grace: 0s, wraps: 1000000, unwraps: 1000000 }
        """;

    public void Dispose() => Directory.Delete(Folder, recursive: true);
}
