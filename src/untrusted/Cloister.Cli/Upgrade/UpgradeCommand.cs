using System.CommandLine;
using System.Text.Json.Nodes;
using Cloister.Attestation.Policies;
using Cloister.Cli.Enclaves;
using Cloister.Cli.Output;

namespace Cloister.Cli.Upgrade;

/// <summary><c>cloister upgrade plan</c>: from one measurement of the enclave to the next, with a way back until the end. Changes nothing.</summary>
internal static class UpgradeCommand
{
    internal static Command Create()
    {
        Option<string> policy = CliOutput.Path("--policy", "AppraisalPolicy or ReleasePolicy that is in force");
        Option<string> next = CliOutput.Path("--new-policy", "the same for the new measurement: 'cloister policy from-measurement' writes it");
        Option<string[]> nodes = new("--node") { Description = "NAME=SOCKET, the KMS socket of a node, in the order in which they are to change; repeat for every one", Required = true };
        Option<OutputFormat> output = CliOutput.Option();
        Command plan = new("plan", "Show the steps from one measurement to the next: the policy that accepts both, the order of nodes, their key_ids before and after, and when the way back ends. Exit 2 when it must not be begun.")
        {
            policy, next, nodes, output,
        };
        plan.SetAction(async (parsed, cancellation) =>
        {
            string both = PolicyUnion.Of(await File.ReadAllTextAsync(parsed.GetValue(policy)!, cancellation), await File.ReadAllTextAsync(parsed.GetValue(next)!, cancellation));
            Check(both);
            (string Name, string Socket)[] named = [.. parsed.GetValue(nodes)!.Select(Node)];
            if (named.DistinctBy(node => node.Name).Count() < named.Length)
            {
                throw new CliException("--node: two have one name");
            }

            (string Name, string? KeyId, string Problem)[] states = await Task.WhenAll(named.Select(async node =>
            {
                (string? keyId, string problem) = await NodeKeyId.AskAsync(node.Socket, cancellation);
                return (node.Name, keyId, problem);
            }));
            string? agreed = states.Select(state => state.KeyId).Distinct().ToArray() is [{ } only] ? only : null;
            Print(both, states, agreed, Steps(states, agreed), parsed.GetValue(output));
            return agreed is null ? ExitCode.No : ExitCode.Done;
        });
        return new Command("upgrade", "Change the enclave's measurement.") { plan };
    }

    private static (string Name, string Socket) Node(string text) => text.Split('=', 2) is [{ Length: > 0 } name, { Length: > 0 } socket]
        ? (name, socket)
        : throw new CliException($"--node {CliOutput.Shown(text)}: has to be NAME=SOCKET");

    // The reader that judges evidence has the last word; of a ReleasePolicy it reads the section that is its own.
    private static void Check(string policy)
    {
        PolicyReadResult? read = policy.Contains($"kind: {AppraisalPolicyReader.Kind}\n", StringComparison.Ordinal) ? AppraisalPolicyReader.Read(policy) : null;
        if (read is { IsValid: false })
        {
            throw new CliException($"the policy for both is none: {string.Join("; ", read.Errors.Select(error => $"{error.Path}: {error.Problem}"))}", ExitCode.No);
        }
    }

    private static IReadOnlyList<string> Steps((string Name, string? KeyId, string Problem)[] nodes, string? keyId) => keyId is null
        ? [$"not now: {string.Join("; ", nodes.Select(node => $"{node.Name}: {node.KeyId ?? node.Problem}"))}: every node has to write with one KEK version before one of them is stopped"]
        :
        [
            "put the policy for both measurements in force: enclaves of either get their lease",
            .. nodes.Select(node =>
                $"{node.Name}: out of the load balancer, stop its API server, change and start the enclave, 'cloister probe': its key_id is {keyId} as before, start the API server, and back in once it is ready"),
            "until here every step is taken back the same way: the old program under the policy for both. A sealed copy opens in the measurement that made it (tee.sealTo: enclave): going back needs a broker that answers, or the KEK",
            "put the new policy alone in force: from now on there is no way back for the old measurement",
        ];

    private static void Print(string policy, (string Name, string? KeyId, string Problem)[] nodes, string? keyId, IReadOnlyList<string> steps, OutputFormat output)
    {
        if (output == OutputFormat.Json)
        {
            CliOutput.Json(new JsonObject
            {
                ["allowed"] = keyId is not null,
                ["policy"] = policy,
                ["nodes"] = new JsonArray([.. nodes.Select(node => (JsonNode)new JsonObject { ["name"] = node.Name, ["keyIdBefore"] = node.KeyId, ["keyIdAfter"] = keyId })]),
                ["steps"] = new JsonArray([.. steps.Select(step => (JsonNode)CliOutput.Shown(step))]),
            });
            return;
        }

        Console.Out.WriteLine($"# The policy for both measurements:\n{policy}");
        foreach ((int i, string step) in steps.Index())
        {
            Console.Out.WriteLine($"{i + 1}. {CliOutput.Shown(step)}");
        }
    }
}
