using Cloister.Enclave.Broker;
using Cloister.Enclave.Custody;
using Cloister.Enclave.Hosting;
using Cloister.Enclave.Tests.Support;

namespace Cloister.Enclave.Tests.Hosting;

/// <summary>What a program in a TEE that is not simulated does not start with.</summary>
public sealed class RefusedStartTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("", false, "gateway.tls.clientCa names a file")]
    [InlineData(", clientCaPins: any", false, "gateway.etcd.ca names a file")]
    [InlineData(", clientCaPins: any", true, "gateway.tls: /nowhere/certificate cannot be read")]
    public async Task Authorities_that_the_host_can_swap_are_named_until_they_are_bound_or_left_to_it(string clientPins, bool etcdPinned, string message)
    {
        string pin = $", caPins: [\"sha256:{new string('a', 64)}\"]";
        Assert.Contains(
            message,
            await RefusalAsync($$"""
                custody: {mode: manual}
                gateway:
                  listen: "tcp:127.0.0.1:0"
                  tls: {certificate: /nowhere/certificate, key: /nowhere/key, clientCa: /nowhere/ca{{clientPins}}}
                  etcd: {endpoints: ["https://127.0.0.1:1"], ca: /nowhere/ca{{(etcdPinned ? pin : "")}}}
                """),
            StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("passthrough", "only cloister-enclave-sim has it; use custody remote")]
    [InlineData("remote", "needs a remote KMS: name brokers in the configuration")]
    public async Task A_custody_that_the_program_has_no_part_for_is_refused(string custody, string message) =>
        Assert.Contains(message, await RefusalAsync($"custody: {{mode: {custody}}}"), StringComparison.Ordinal);

    private async Task<string> RefusalAsync(string sections)
    {
        await File.WriteAllTextAsync(
            _folder.File("enclave.yaml"),
            $$"""
            apiVersion: cloister.dev/v1alpha1
            kind: EnclaveConfiguration
            cluster: cluster-1
            provider: cloister
            kms: {listen: "unix:{{_folder.File("kms.sock")}}"}

            """ + sections,
            TestContext.Current.CancellationToken);
        StringWriter errors = new();
        TextWriter before = Console.Error;
        try
        {
            Console.SetError(TextWriter.Synchronized(errors));
            Assert.Equal(1, await EnclaveProgram.RunAsync(["--config", _folder.File("enclave.yaml")], new EnclaveParts { Program = "refused", Tee = new Tee() }));
        }
        finally
        {
            Console.SetError(before);
        }

        return Assert.Single(errors.ToString().Split('\n'), line => line.StartsWith("refused: ", StringComparison.Ordinal));
    }

    private sealed class Tee : ITee
    {
        public string Name => "test";

        public bool IsSimulated => false;

        public ISealer? Sealer => null;

        public IEvidenceSource? Evidence => null;
    }
}
