using Cloister.Cli.Tests.Harness;
using Cloister.Packages.Tests.Machines;

namespace Cloister.Packages.Tests.Nodes;

/// <summary>
/// The section "First Secret" of docs/install.md to the letter, on a broker's machine and a node with a wire between them. Real API-server code and etcd run on the node. What is
/// changed, since there is no TEE: the enclave's program, its configuration's section <c>simulation</c>, and in the policy the digest of that configuration and the vendor's root.
/// </summary>
public sealed class FirstSecretTests : IDisposable
{
    private const string BrokerAddress = "10.77.0.1";
    private const string NodeAddress = "10.77.0.2";
    private const string Measurement = "51b1a7ed51b1a7ed51b1a7ed51b1a7ed51b1a7ed51b1a7ed51b1a7ed51b1a7ed";
    private const string Stored = "/opt/kubernetes/etcdctl get /registry/secrets/default/first --print-value-only | sha256sum";
    private const string Simulation = """
        simulation: {sealingKeyFile: /var/lib/cloister/UNPROTECTED-sealing.key, vendorDirectory: /var/lib/cloister/vendor}

        """;

    private readonly ScratchFolder _shared = new();

    public void Dispose() => _shared.Dispose();

    [Fact]
    public async Task From_bare_machines_to_a_Secret_that_is_encrypted_in_etcd()
    {
        IReadOnlyDictionary<string, string> blocks = await DocumentBlocks.ReadAsync("install.md", "First Secret: one node and a broker");
        Assert.Equal(["broker", "broker.yaml", "node", "owner", "secret", "values.yaml"], blocks.Keys.Order(StringComparer.Ordinal));

        string folders = $"--bind={_shared.Path}:/shared", kubernetes = await Kubernetes.BindAsync(_shared["kubernetes"]);
        await using Machine broker = await Machine.BootAsync(folders);
        string rotation = (await DocumentBlocks.ReadAsync("operations.md", "Rotate a KEK of a broker"))["rotate"];
        await using Machine node = await Machine.BootAsync(folders, kubernetes);
        await Machine.ConnectAsync(broker, BrokerAddress, node, NodeAddress);
        await node.RunAsync($"echo {BrokerAddress} broker.example >>/etc/hosts; ln -s /packages/*.deb .; ln -s /shared/node node; /opt/dev/cloister-enclave-sim --make-vendor /shared/vendor");

        // The key owner's machine. Its first command has to be there before the key that goes into the configuration.
        await broker.RunAsync("ln -s /packages/*.deb .");
        string[] commands = blocks["broker"].Split('\n', StringSplitOptions.RemoveEmptyEntries);
        string keygen = commands.Single(command => command.StartsWith("cloister admin keygen", StringComparison.Ordinal));
        string alice = "", ready = "";
        foreach (string command in commands)
        {
            if (command.Contains("install -m", StringComparison.Ordinal))
            {
                await broker.WriteAsync("broker.yaml", $"{blocks["broker.yaml"].Replace("ALICE", alice, StringComparison.Ordinal)}otherRoots: allowed\n");
                await broker.RunAsync("mkdir -p /var/lib/cloister-broker; cp -r /shared/vendor/collateral /var/lib/cloister-broker/; chown -R cloister-broker /var/lib/cloister-broker");
            }

            ready = await broker.EventuallyAsync(DocumentBlocks.AsRoot(command));
            alice = command == keygen ? DocumentBlocks.PinIn(ready) : alice;
        }

        string pin = DocumentBlocks.PinIn(ready);
        await broker.WriteAsync("values.yaml", blocks["values.yaml"].Replace("PIN", pin, StringComparison.Ordinal).Replace("MEASUREMENT", Measurement, StringComparison.Ordinal));
        foreach (string command in blocks["owner"].Replace("PIN", pin, StringComparison.Ordinal).Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            await broker.RunAsync(command);
            if (command.StartsWith("cloister init", StringComparison.Ordinal))
            {
                await SimulateAsync(broker);
            }
        }

        // The node.
        await broker.RunAsync("cp -r node /shared/node");
        await node.SimulateAsync("cloister-enclave", "ExecStartPre=+cp -rn /shared/vendor /var/lib/cloister/\n");
        await node.RunAsync(DocumentBlocks.AsRoot(blocks["node"]));
        await node.EventuallyAsync("cloister probe --socket /run/cloister/kms.sock --api v2 --count 1");

        await Kubernetes.StartEtcdAsync(node);
        await node.RunAsync("kube-apiserver --encryption-provider-config=/etc/kubernetes/cloister/encryption.yaml");
        await node.EventuallyAsync("export KUBECONFIG=/tmp/kubeconfig; kubectl get --raw /readyz; " + blocks["secret"]);
        Assert.Equal("hunter2", await Kubernetes.ReadAsync(node, "first"));
        string stored = await node.RunAsync("ETCDCTL_API=3 /opt/kubernetes/etcdctl get /registry/secrets/default/first --print-value-only | tr -c '[:print:]' .");
        Assert.StartsWith("k8s:enc:kms:v2:tee:", stored, StringComparison.Ordinal);
        Assert.DoesNotContain("hunter2", stored, StringComparison.Ordinal);

        // The broker's rotation: etcd's lines on the node, the others on the key owner's machine.
        await broker.WriteAsync("alice.json", (await DocumentBlocks.ReadAsync("operations.md", "Administrators of a broker"))["alice.json"]
            .Replace("https://broker.example:8444", "https://127.0.0.1:8444", StringComparison.Ordinal).Replace("sha256:<as the broker prints it>", pin, StringComparison.Ordinal));
        string[] steps = [.. rotation.Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Select(step => step.Replace("payments", "prod", StringComparison.Ordinal).Replace("5m", "5s", StringComparison.Ordinal).Replace("ETCD", $"http://{NodeAddress}:2379", StringComparison.Ordinal))];
        Assert.Equal(6, steps.Length);
        foreach (string step in steps)
        {
            await (step.StartsWith("cloister etcd", StringComparison.Ordinal) ? node : broker).EventuallyAsync(step.Contains("rewrap", StringComparison.Ordinal) ? $"before=$({Stored}); {step}\ntest \"$before\" != \"$({Stored})\"" : step);
        }

        Assert.Equal("hunter2", await Kubernetes.ReadAsync(node, "first"));

        await new ClusterOperations(broker, node, Measurement).RunAsync();

        // What the section says of itself.
        Assert.Equal((8, 5), (commands.Length + Lines(blocks["owner"]), Lines(blocks["node"]) + Lines(blocks["secret"])));
    }

    private static int Lines(string block) => block.Count(c => c == '\n');

    // The configuration that a simulated enclave can start with has another digest, and its vendor another root.
    private static async Task SimulateAsync(Machine broker)
    {
        string before = await broker.RunAsync("sha384sum <node/enclave.yaml | cut -d' ' -f1");
        await broker.RunAsync($"cat >>node/enclave.yaml <<'END'\n{Simulation}END");
        string after = await broker.RunAsync("sha384sum <node/enclave.yaml | cut -d' ' -f1");
        await broker.RunAsync(
            $"grep -q {before} node/release-policy.yaml; sed -i s/{before}/{after}/ node/release-policy.yaml; "
            + "{ echo '  roots:'; echo '    - |'; sed 's/^/      /' /shared/vendor/root.pem; } >>node/release-policy.yaml");
    }
}
