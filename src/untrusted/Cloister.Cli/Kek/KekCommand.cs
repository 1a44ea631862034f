using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using Cloister.Cli.Administration;
using Cloister.Cli.Enclaves;
using Cloister.Cli.Etcd.Scan;
using Cloister.Cli.Operators;
using Cloister.Cli.Output;
using Cloister.Contracts.EnclaveAdmin;
using Grpc.Net.Client;

namespace Cloister.Cli.Kek;

/// <summary><c>cloister kek</c>: the KEKs of an enclave in custody manual (with <c>--admin-socket</c>), and those of a broker.</summary>
internal static class KekCommand
{
    internal static Command Create() => new("kek", "KEKs of a broker, or with --admin-socket those of an enclave in custody manual.")
    {
        List(), CreateKek(), Import(), Retire(), Wipe(), OperatorOptions.MakeKey(),
        BrokerKekVerbs.Rotate(), BrokerKekVerbs.Enable(), BrokerKekVerbs.Disable(), BrokerKekVerbs.Destroy(), BrokerKekVerbs.CancelDestroy(),
        BrokerRecoveryVerbs.Export(), BrokerRecoveryVerbs.Restore(), BrokerRecoveryVerbs.Drill(), KeeperVerbs.MakeKey(), KeeperVerbs.OpenShare(),
    };

    private static Option<string> Socket() => CliOutput.Path("--admin-socket", "the enclave's admin socket", "--socket");

    private static Option<string> OptionalSocket()
    {
        Option<string> socket = Socket();
        socket.Required = false;
        return socket;
    }

    private static Option<string> Name() => new("--name") { Description = "name of the KEK", Required = true };

    private static Command List()
    {
        (Option<string> socket, Option<OutputFormat> output, BrokerOptions broker) = (OptionalSocket(), CliOutput.Option(), new BrokerOptions());
        Option<string?> cluster = new("--cluster") { Description = "of a broker: only the KEKs of a cluster" };
        Command command = new("list", "Show a broker's KEKs; with --admin-socket an enclave's state and its KEKs.") { socket, cluster, output };
        broker.AddTo(command);
        command.SetAction(async (parsed, cancellation) =>
        {
            if (parsed.GetValue(socket) is not { } path)
            {
                using BrokerSession session = broker.Open(parsed);
                return await BrokerKekVerbs.ListAsync(session.Client, parsed.GetValue(cluster), parsed.GetValue(output), cancellation);
            }

            using GrpcChannel channel = EnclaveChannel.Open(path);
            Print(await Client(channel).GetStateAsync(new GetStateRequest(), cancellationToken: cancellation), parsed.GetValue(output));
            return ExitCode.Done;
        });
        return command;
    }

    private static Command CreateKek()
    {
        (Option<string> socket, Option<string> name, Option<OutputFormat> output, BrokerOptions broker) = (OptionalSocket(), Name(), CliOutput.Option(), new BrokerOptions());
        Option<string?> cluster = new("--cluster") { Description = "of a broker: the cluster that it is for; of an enclave: sign only for this cluster" };
        Option<string?> key = OperatorOptions.Key();
        Option<string?> policy = new("--policy") { Description = "of a broker: the policy that says who gets it" };
        Option<string?> store = new("--store") { Description = "of a broker: its key store; may be left out when there is one" };
        Option<bool> keep = new("--no-release") { Description = "of a broker: it stays there (custody remote)" };
        Command command = new(
            "create",
            "Make a KEK in a broker. With --admin-socket: inside the enclave, the next version of that name; writes use it at once, and nobody has a copy: use 'import' for KEKs that must outlive the enclave.")
        {
            socket, name, cluster, policy, store, keep, key, output,
        };
        broker.AddTo(command);
        command.SetAction(async (parsed, cancellation) =>
        {
            if (parsed.GetValue(socket) is not { } path)
            {
                if ((parsed.GetValue(cluster), parsed.GetValue(policy)) is not ({ } clusterName, { } policyName))
                {
                    throw new CliException("a broker's KEK needs --cluster and --policy; an enclave's needs --admin-socket");
                }

                using BrokerSession session = broker.Open(parsed);
                AdminApi.CreateKekRequest request = new(parsed.GetValue(name)!, clusterName, policyName, parsed.GetValue(store), !parsed.GetValue(keep));
                return await BrokerKekVerbs.CreateAsync(session.Client, request, parsed.GetValue(output), cancellation);
            }

            using GrpcChannel channel = EnclaveChannel.Open(path);
            using OperatorKey? signer = OperatorKey.Find(parsed.GetValue(key), path);
            Print(await new SignedChanges(Client(channel), signer, parsed.GetValue(cluster)).CreateAsync(parsed.GetValue(name)!, cancellation), parsed.GetValue(output));
            return ExitCode.Done;
        });
        return command;
    }

    private static Command Import()
    {
        (Option<string> socket, Option<string> name, Option<OutputFormat> output) = (Socket(), Name(), CliOutput.Option());
        Option<uint> version = new("--version") { Description = "version of the KEK, from 1", DefaultValueFactory = _ => 1 };
        Option<bool> inactive = new("--inactive") { Description = "for reading only: writes go on with the active one" };
        (Option<string?> operatorKey, Option<string?> cluster) = (OperatorOptions.Key(), OperatorOptions.Cluster());
        Option<string?> expected = new("--expect-key-id") { Description = "key_id that it has to have, such as on the other nodes; with another one nothing is sent" };
        Command command = new("import", "Give the enclave a KEK read from standard input: 32 bytes, 64 hexadecimal digits or 44 characters of base64.")
        {
            socket, name, version, inactive, expected, operatorKey, cluster, output,
        };
        command.SetAction(async (parsed, cancellation) =>
        {
            using GrpcChannel channel = EnclaveChannel.Open(parsed.GetValue(socket)!);
            using OperatorKey? signer = OperatorKey.Find(parsed.GetValue(operatorKey), parsed.GetValue(socket)!);
            byte[] key = KekInput.Read(Console.OpenStandardInput());
            try
            {
                string keyId = KekInput.KeyIdOf(parsed.GetValue(name)!, parsed.GetValue(version), key);
                if (parsed.GetValue(expected) is { } wanted && wanted != keyId)
                {
                    throw new CliException($"this key has key_id {keyId} as {parsed.GetValue(name)} version {parsed.GetValue(version)}, not {wanted}: nothing was sent", ExitCode.No);
                }

                (string kekName, uint kekVersion) = (parsed.GetValue(name)!, parsed.GetValue(version));
                string of = (await Client(channel).GetStateAsync(new GetStateRequest(), cancellationToken: cancellation)).Cluster;
                signer?.Known.Require(of, kekName, kekVersion, keyId);
                KekInfo kek = await new SignedChanges(Client(channel), signer, parsed.GetValue(cluster)).ImportAsync(kekName, kekVersion, parsed.GetValue(inactive), key, cancellation);
                signer?.Known.Add(of, kekName, kekVersion, keyId);
                Print(kek, parsed.GetValue(output));
                return ExitCode.Done;
            }
            finally
            {
                System.Security.Cryptography.CryptographicOperations.ZeroMemory(key);
            }
        });
        return command;
    }

    private static Command Retire()
    {
        (Option<string> socket, Option<OutputFormat> output) = (Socket(), CliOutput.Option());
        Option<string> keyId = new("--key-id") { Description = "key_id of the version", Required = true };
        (Option<string?> operatorKey, Option<string?> cluster) = (OperatorOptions.Key(), OperatorOptions.Cluster());
        Option<string> confirm = new("--yes-retire") { Description = "the key_id again: values written with it can then not be read", Required = true };
        KekRemovalOptions removal = new(confirm: 200, "the key_id");
        Command command = new(
            "retire",
            "Remove a KEK version that writes do not use, once two scans of all of etcd found no value that needs it. Older revisions and backups with such values cannot be read afterwards. Exit 2 when a value needs it.")
        {
            socket, keyId, confirm, operatorKey, cluster, output,
        };
        removal.AddTo(command);
        command.SetAction(async (parsed, cancellation) =>
        {
            if (parsed.GetValue(confirm) != parsed.GetValue(keyId))
            {
                throw new CliException("--yes-retire has to repeat the key_id");
            }

            KekRemoval asked = removal.Read(parsed);
            using GrpcChannel channel = EnclaveChannel.Open(parsed.GetValue(socket)!);
            EnclaveState state = await Client(channel).GetStateAsync(new GetStateRequest(), cancellationToken: cancellation);
            string retired = parsed.GetValue(keyId)!;
            if (state.Keks.Any(kek => kek.KeyId == retired && !kek.Active))
            {
                // The enclave itself refuses all others, and says why.
                await asked.ClearAsync([retired], [.. state.Keks.Select(kek => kek.KeyId)], retired, TimeProvider.System, cancellation);
            }

            using OperatorKey? signer = OperatorKey.Find(parsed.GetValue(operatorKey), parsed.GetValue(socket)!);
            Print(await new SignedChanges(Client(channel), signer, parsed.GetValue(cluster)).RetireAsync(retired, cancellation), parsed.GetValue(output));
            return ExitCode.Done;
        });
        return command;
    }

    private static Command Wipe()
    {
        (Option<string> socket, Option<OutputFormat> output) = (Socket(), CliOutput.Option());
        (Option<string?> operatorKey, Option<string?> cluster) = (OperatorOptions.Key(), OperatorOptions.Cluster());
        Option<string> confirm = new("--yes-wipe") { Description = "the provider's name: every KEK and the sealed copy will be gone", Required = true };
        Command command = new("wipe", "Remove every KEK from the enclave's memory and its sealed copy, at once and without a look at etcd: for emergencies. Values are unreadable here until the KEKs are imported again; a KEK that nobody has a copy of is gone.") { socket, confirm, operatorKey, cluster, output };
        command.SetAction(async (parsed, cancellation) =>
        {
            using GrpcChannel channel = EnclaveChannel.Open(parsed.GetValue(socket)!);
            EnclaveState state = await Client(channel).GetStateAsync(new GetStateRequest(), cancellationToken: cancellation);
            if (state.Provider != parsed.GetValue(confirm))
            {
                throw new CliException($"--yes-wipe has to repeat the provider's name, '{state.Provider}'");
            }

            using OperatorKey? signer = OperatorKey.Find(parsed.GetValue(operatorKey), parsed.GetValue(socket)!);
            Print(await new SignedChanges(Client(channel), signer, parsed.GetValue(cluster)).WipeAsync(cancellation), parsed.GetValue(output));
            return ExitCode.Done;
        });
        return command;
    }

    private static Admin.AdminClient Client(GrpcChannel channel) => new(channel);

    private static void Print(KekInfo kek, OutputFormat output)
    {
        if (output == OutputFormat.Json)
        {
            CliOutput.Json(Json(kek));
        }
        else
        {
            CliOutput.Table(["KEK", "version", "key_id", "writes"], [Row(kek)]);
        }
    }

    private static void Print(EnclaveState state, OutputFormat output)
    {
        if (output == OutputFormat.Json)
        {
            JsonObject json = new()
            {
                ["tee"] = state.Tee,
                ["custody"] = state.Custody,
                ["cluster"] = state.Cluster,
                ["provider"] = state.Provider,
                ["activeKeyId"] = state.ActiveKeyId,
                ["health"] = state.Health,
                ["memoryProtection"] = state.MemoryProtection,
                ["keks"] = new JsonArray([.. state.Keks.Select(kek => (JsonNode)Json(kek))]),
                ["operators"] = new JsonArray([.. state.Operators.Select(one => (JsonNode)one)]),
                ["counters"] = new JsonObject(state.Counters.Select(counter => KeyValuePair.Create(counter.Name, (JsonNode?)counter.Value))),
            };
            if (state.Lease is { } lease)
            {
                json["lease"] = LeaseView.Json(lease);
            }

            if (state.MoreLeases.Count > 0)
            {
                json["moreLeases"] = new JsonArray([.. state.MoreLeases.Select(more => (JsonNode)LeaseView.Json(more))]);
            }

            CliOutput.Json(json);
            return;
        }

        CliOutput.Table(["", ""],
        [
            ["TEE", state.Tee],
            ["custody", state.Custody],
            ["cluster", state.Cluster],
            ["provider", state.Provider],
            ["active key_id", state.ActiveKeyId],
            ["health", state.Health],
            ["memory", state.MemoryProtection],
            .. state.Custody == "manual" ? (IReadOnlyList<string>[])[["operators", OperatorsText(state)]] : [],
            .. state.Lease is { } held ? LeaseView.Rows(held) : [],
            .. state.MoreLeases.SelectMany(LeaseView.Rows),
            .. state.Counters.Select(counter => (IReadOnlyList<string>)[counter.Name, counter.Value.ToString(CultureInfo.InvariantCulture)]),
        ]);
        CliOutput.Table(["KEK", "version", "key_id", "writes"], state.Keks.Select(Row));
    }

    private static string OperatorsText(EnclaveState state) => state.Operators switch
    {
        [] => "none: KEKs cannot be changed",
        ["any"] => "ANY: whoever reaches the admin socket decides which KEK is used; for development only",
        _ => string.Join(", ", state.Operators),
    };

    private static IReadOnlyList<string> Row(KekInfo kek) =>
        [kek.Name, kek.Version.ToString(CultureInfo.InvariantCulture), kek.KeyId, kek.Active ? "active" : ""];

    private static JsonObject Json(KekInfo kek) => new()
    {
        ["name"] = kek.Name,
        ["version"] = kek.Version,
        ["keyId"] = kek.KeyId,
        ["active"] = kek.Active,
    };
}
