using System.Text.Json.Nodes;
using Cloister.Cli.Brokers;
using Cloister.Cli.Enclaves;
using Cloister.Cli.Output;
using Cloister.Contracts.EnclaveAdmin;

namespace Cloister.Cli.Dev;

/// <summary>What <c>cloister dev</c> says when everything is up: the line that starts with <c>ready</c>, and what to try next.</summary>
internal static class DevAnnouncement
{
    internal static void Write(
        SimulatedEnclaveFiles files, SimulatedEnclaveOptions options, EnclaveState state, DevelopmentBroker? broker, OutputFormat output)
    {
        if (output == OutputFormat.Json)
        {
            JsonObject document = new()
            {
                ["kmsSocket"] = files.KmsSocket,
                ["adminSocket"] = files.AdminSocket,
                ["secretsSocket"] = files.SecretsSocket,
                ["encryptionConfiguration"] = files.EncryptionConfiguration,
                ["custody"] = state.Custody,
                ["provider"] = state.Provider,
                ["keyId"] = state.ActiveKeyId,
            };
            if (broker is not null)
            {
                document["broker"] = new JsonObject
                {
                    ["url"] = broker.Url,
                    ["pin"] = broker.Pin,
                    ["admin"] = broker.AdminUrl,
                    ["certificate"] = broker.Files.AdministratorCertificate,
                    ["key"] = broker.Files.AdministratorKey,
                };
            }

            if (options.Custody == "manual")
            {
                document["provisioning"] = new JsonObject
                {
                    ["policy"] = files.AppraisalPolicy,
                    ["root"] = files.Vendor.Root,
                    ["collateral"] = files.Vendor.Collateral,
                    ["configuration"] = files.Configuration,
                    ["operatorKey"] = files.OperatorKey,
                };
            }

            if (options.Etcd is not null)
            {
                document["gateway"] = File.ReadAllText(files.Gateway.Url);
            }

            Console.Out.WriteLine($"ready {document.ToJsonString()}");
        }
        else
        {
            Console.Out.WriteLine($"ready unix://{files.KmsSocket} custody {state.Custody} provider {state.Provider} key_id {state.ActiveKeyId}");
        }

        if (broker?.ConsoleUrl is { } url)
        {
            Console.Out.WriteLine(output == OutputFormat.Json
                ? $"console {new JsonObject { ["url"] = url, ["certificate"] = broker.Files.BrowserIdentity, ["password"] = DevelopmentBrokerFiles.BrowserPassword }.ToJsonString()}"
                : $"console {url} certificate {broker.Files.BrowserIdentity} password {DevelopmentBrokerFiles.BrowserPassword}");
        }

        Console.Out.Flush();
        string manual = options.Custody == "manual" ? $"""

              a new KEK:       cloister kek create --admin-socket {files.AdminSocket} --name {DevCommand.KekName}
              or yours, sent only to this enclave, which is verified first:
                head -c 32 /dev/urandom | cloister provision --enclave unix:{files.AdminSocket} --name mine --kek-stdin \
                  --policy {files.AppraisalPolicy} --root {files.Vendor.Root} --collateral {files.Vendor.Collateral} --config {files.Configuration}
            """ : "";
        string attested = broker is null ? "" : $"""

              its broker:      {broker.Url}
                cloister enclaves list {broker.CommandOptions}
                cloister kek list {broker.CommandOptions}
                cloister audit tail {broker.CommandOptions}{(broker.ConsoleUrl is null ? "" : $"""

                its console:   {broker.ConsoleUrl} (once {broker.Files.BrowserIdentity} is among the browser's certificates; it warns of the broker's own)
            """)}
            """;
        string gateway = options.Etcd is null ? "" : $"""

              or the gateway:  kube-apiserver ... --etcd-servers-overrides=/secrets#{File.ReadAllText(files.Gateway.Url)} \
                                 --etcd-cafile={files.Gateway.Ca} --etcd-certfile={files.Gateway.ClientCertificate} --etcd-keyfile={files.Gateway.ClientKey}
            """;
        Console.Error.WriteLine($"""

            SIMULATED TEE, for development only. Next:
              an API server:   kube-apiserver ... --encryption-provider-config={files.EncryptionConfiguration}{gateway}
              look at it:      cloister probe --socket {files.KmsSocket}
                               cloister doctor --socket {files.KmsSocket} --admin-socket {files.AdminSocket} --encryption-config {files.EncryptionConfiguration}
              its KEKs:        cloister kek list --admin-socket {files.AdminSocket}{manual}{attested}
              stop it:         Ctrl-C

            """);
    }
}
