using Cloister.Conformance.Harness;
using Cloister.Gramine.Tests.Ground;
using Cloister.Gramine.Tests.Worlds;

namespace Cloister.Gramine.Tests.Cases;

/// <summary>A broker that is not reached: log, Status and <c>cloister kek list</c> say at which step.</summary>
public sealed class BrokerStepTests
{
    private const string OtherPin = "sha256:AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";

    // Under Gramine nobody outside reaches an admin socket. Here it is looked at from outside, since the enclave's file system can be.
    private const string Admin = "admin: { listen: \"unix:/tmp/admin.sock\" }\n";

    [Fact]
    public Task A_name_that_does_not_exist() => SaysAsync(new NodeOptions { BrokerName = "missing.example", Sections = Admin }, "name", "missing.example");

    [Fact]
    public Task A_port_where_nobody_listens() => SaysAsync(new NodeOptions { BrokerPort = LoopbackPort.Next(), Sections = Admin }, "connect", NameServer.Known);

    [Fact]
    public Task A_key_that_is_not_pinned() => SaysAsync(new NodeOptions { BrokerPin = OtherPin, Sections = Admin }, "pin", NameServer.Known);

    private static async Task SaysAsync(NodeOptions options, string step, string broker)
    {
        await using SgxNode node = await SgxNode.PrepareAsync(options);
        node.StartEnclave();
        string line = await node.SaysAsync("no lease from a broker at step");
        Assert.Contains(step, line, StringComparison.Ordinal);
        Assert.Contains(broker, line, StringComparison.Ordinal);
        using KmsClient kms = new(node.KmsSocket);
        Assert.Contains(step, await kms.HealthAsync(), StringComparison.Ordinal);
        if (World.HasRoot)
        {
            CommandResult list = await SgxNode.CliAsync("kek", "list", "--socket", $"/proc/{node.Enclave.Id}/root/tmp/admin.sock");
            Assert.Contains(step, list.Output + list.Error, StringComparison.Ordinal);
        }
    }
}
