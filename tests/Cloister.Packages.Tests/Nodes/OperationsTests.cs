using System.Text.Json.Nodes;
using Cloister.Cli.Tests.Harness;
using Cloister.Packages.Tests.Machines;

namespace Cloister.Packages.Tests.Nodes;

/// <summary>
/// Marked blocks of docs/operations.md (custody manual) and docs/gateway.md to the letter, on a booted node with real API-server code and etcd. The simulated enclave stands for the one
/// that needs a TEE.
/// </summary>
public sealed class OperationsTests : IDisposable
{
    private readonly ScratchFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task A_KEK_by_hand_is_provisioned_used_and_rotated_as_the_document_says_and_the_gateway_is_tried()
    {
        await using Machine node = await Machine.BootAsync(await Kubernetes.BindAsync(_folder["kubernetes"]));
        await node.RunAsync("dpkg -i /packages/cloister_*.deb /packages/cloister-enclave_*.deb");
        string pin = DocumentBlocks.PinIn(await node.RunAsync("cloister kek operator-key --out operator.key"));
        await node.SimulateAsync("cloister-enclave");
        await node.WriteAsync("/etc/cloister/enclave.yaml", $$"""
            apiVersion: cloister.dev/v1alpha1
            kind: EnclaveConfiguration
            cluster: c
            provider: tee
            kms: {listen: "unix:/run/cloister/kms.sock"}
            admin: {listen: "unix:/run/cloister/admin.sock"}
            secrets: {listen: "unix:/run/cloister/secrets.sock"}
            custody: {mode: manual, manual: {operators: ["{{pin}}"] } }
            simulation: {sealingKeyFile: /var/lib/cloister/UNPROTECTED-sealing.key}

            """);
        await node.RunAsync("systemctl start --no-block cloister-enclave");
        await node.EventuallyAsync("cloister kek list --admin-socket /run/cloister/admin.sock");

        // A copy of the KEK, as the document asks for, and another node's command on this one.
        string[] provision = DocumentBlocks.Commands((await DocumentBlocks.ReadAsync("operations.md", "Provision (custody manual)"))["provision"]);
        Assert.Equal(4, provision.Length);
        await node.RunAsync(provision[0]);
        string printed = await node.RunAsync(provision[1]);
        string first = (string)JsonNode.Parse(await node.RunAsync("cloister kek list --admin-socket /run/cloister/admin.sock -o json"))!["activeKeyId"]!;
        Assert.Contains(first, printed, StringComparison.Ordinal);
        await node.RunAsync(provision[2].Replace("KEY-ID", first, StringComparison.Ordinal));
        Assert.NotEqual(0, (await node.TryAsync(provision[2].Replace("KEY-ID", "another", StringComparison.Ordinal))).ExitCode);
        await node.RunAsync($"{provision[3]}\ntest ! -e KEK");

        foreach (string look in DocumentBlocks.Commands((await DocumentBlocks.ReadAsync("operations.md", "Look"))["look"]))
        {
            await node.RunAsync(look);
        }

        // Readers, then writers: the same commands with another phase.
        await Kubernetes.StartEtcdAsync(node);
        IReadOnlyDictionary<string, string> blocks = await DocumentBlocks.ReadAsync("operations.md", "Switch on");
        string[] switchOn = DocumentBlocks.Commands(blocks["switch-on"]);
        Assert.Equal(3, switchOn.Length);
        await node.RunAsync($"mkdir -p /etc/kubernetes; {string.Join('\n', switchOn)}");
        Assert.StartsWith("k8s.", await Kubernetes.CreateAsync(node, "in-clear"), StringComparison.Ordinal);
        await node.RunAsync(string.Join('\n', switchOn).Replace("--phase readers", "--phase writers", StringComparison.Ordinal));
        Assert.StartsWith("k8s:enc:kms:v2:tee:", await Kubernetes.CreateAsync(node, "encrypted"), StringComparison.Ordinal);
        Assert.Equal("hunter2", await Kubernetes.ReadAsync(node, "in-clear"));

        // This API server serves no schema to validate by.
        await node.RunAsync($"export KUBECONFIG=/tmp/kubeconfig; {blocks["rewrite"].Replace("replace -f", "replace --validate=false -f", StringComparison.Ordinal)}");

        string[] rotate = DocumentBlocks.Commands((await DocumentBlocks.ReadAsync("operations.md", "Rotate a KEK (custody manual)"))["rotate-manual"]);
        Assert.Equal(5, rotate.Length);
        foreach (string step in rotate)
        {
            await node.RunAsync(step.Replace("ADMIN", "/run/cloister/admin.sock", StringComparison.Ordinal).Replace(" KEY ", " operator.key ", StringComparison.Ordinal)
                .Replace("OLD", first, StringComparison.Ordinal).Replace("ETCD", "http://127.0.0.1:2379", StringComparison.Ordinal));
        }

        Assert.DoesNotContain(first, await node.RunAsync("cloister kek list --admin-socket /run/cloister/admin.sock -o json"), StringComparison.Ordinal);
        Assert.Equal("hunter2", await Kubernetes.ReadAsync(node, "encrypted"));
        await TryGatewayAsync(node);
    }

    // An etcd of its own, and a simulated enclave of the command's.
    private static async Task TryGatewayAsync(Machine node)
    {
        await Kubernetes.StartEtcdAsync(node);
        string start = Assert.Single(await DocumentBlocks.OperationsAsync("Start", "start"));
        await node.RunAsync($"systemd-run --quiet --collect --unit start --setenv CLOISTER_ENCLAVE_SIM=/opt/dev/cloister-enclave-sim {start}");
        await node.EventuallyAsync("cloister probe --socket /tmp/cloister/kms.sock --api v2 --count 1; systemctl stop start");

        IReadOnlyDictionary<string, string> blocks = await DocumentBlocks.ReadAsync("gateway.md", "Try it");
        await node.RunAsync($"ln -s /usr/bin/cloister cloister; systemd-run --quiet --collect --unit dev --working-directory \"$PWD\" --setenv CLOISTER_ENCLAVE_SIM=/opt/dev/cloister-enclave-sim {blocks["dev"]}");
        await node.EventuallyAsync("test -s /tmp/d/gateway/url");
        string[] commands = DocumentBlocks.Commands(blocks["gateway"]);
        Assert.Equal(2, commands.Length);
        await node.RunAsync(commands[0]);
        Assert.StartsWith("k8s:enc:kms:v2:", await Kubernetes.CreateAsync(node, "through"), StringComparison.Ordinal);
        await node.RunAsync(commands[1]);
    }
}
