using Cloister.Enclave.Broker;
using Cloister.Enclave.Custody;
using Cloister.Enclave.Hosting;
using Cloister.Enclave.Tests.Support;

namespace Cloister.Enclave.Tests.Hosting;

/// <summary>A start in a TEE that is not simulated: authorities that the host can swap have to be wanted.</summary>
public sealed class BoundAuthoritiesTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("", false, "gateway.tls.clientCa names a file")]
    [InlineData(", clientCaPins: any", false, "gateway.etcd.ca names a file")]
    [InlineData(", clientCaPins: any", true, "gateway.tls: /nowhere/certificate cannot be read")]
    public async Task Each_is_named_until_it_is_bound_or_left_to_the_host(string clientPins, bool etcdPinned, string message)
    {
        string pin = $", caPins: [\"sha256:{new string('a', 64)}\"]";
        File.WriteAllText(_folder.File("enclave.yaml"), $$"""
            apiVersion: cloister.dev/v1alpha1
            kind: EnclaveConfiguration
            cluster: cluster-1
            provider: cloister
            kms: {listen: "unix:{{_folder.File("kms.sock")}}"}
            custody: {mode: manual}
            gateway:
              listen: "tcp:127.0.0.1:0"
              tls: {certificate: /nowhere/certificate, key: /nowhere/key, clientCa: /nowhere/ca{{clientPins}}}
              etcd: {endpoints: ["https://127.0.0.1:1"], ca: /nowhere/ca{{(etcdPinned ? pin : "")}}}
            """);
        StringWriter errors = new();
        TextWriter before = Console.Error;
        try
        {
            Console.SetError(TextWriter.Synchronized(errors));
            Assert.Equal(1, await EnclaveProgram.RunAsync(["--config", _folder.File("enclave.yaml")], new EnclaveParts { Program = "bound", Tee = new Tee() }));
        }
        finally
        {
            Console.SetError(before);
        }

        string refusal = Assert.Single(errors.ToString().Split('\n'), line => line.StartsWith("bound: ", StringComparison.Ordinal));
        Assert.Contains(message, refusal, StringComparison.Ordinal);
    }

    private sealed class Tee : ITee
    {
        public string Name => "test";

        public bool IsSimulated => false;

        public ISealer? Sealer => null;

        public IEvidenceSource? Evidence => null;
    }
}
