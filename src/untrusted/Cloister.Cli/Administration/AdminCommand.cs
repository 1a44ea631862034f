using System.CommandLine;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json.Nodes;
using Cloister.AdminApi;
using Cloister.Administration.Client;
using Cloister.Cli.Output;

namespace Cloister.Cli.Administration;

/// <summary><c>cloister admin</c>: administrators of a broker.</summary>
internal static class AdminCommand
{
    internal static Command Create() => new("admin", "Administrators of a broker.") { KeyGen(), WhoAmI(), Requests(), Withdraw(), BrokerRecoveryVerbs.ExportAuthority() };

    private static Command KeyGen()
    {
        Option<string> name = new("--name") { Description = "your name, as the audit log is to show it", Required = true };
        Option<string> certificate = CliOutput.Path("--certificate", "new file for the certificate");
        Option<string> key = CliOutput.Path("--key", "new file for the private key, which only you can read");
        Option<OutputFormat> output = CliOutput.Option();
        Command command = new("keygen", "Make an administrator's key and certificate, and print the pin for the broker's configuration.") { name, certificate, key, output };
        command.SetAction(parsed =>
        {
            using X509Certificate2 made = AdministratorCertificate.Create(parsed.GetValue(name)!, DateTimeOffset.UtcNow);
            Write(parsed.GetValue(key)!, made.GetECDsaPrivateKey()!.ExportPkcs8PrivateKeyPem(), UnixFileMode.UserRead | UnixFileMode.UserWrite);
            Write(
                parsed.GetValue(certificate)!, made.ExportCertificatePem(),
                UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.OtherRead);
            string pin = AdministratorCertificate.PinOf(made);
            if (parsed.GetValue(output) == OutputFormat.Json)
            {
                CliOutput.Json(new JsonObject { ["name"] = parsed.GetValue(name), ["pin"] = pin, ["certificate"] = parsed.GetValue(certificate), ["key"] = parsed.GetValue(key) });
            }
            else
            {
                Console.Out.WriteLine(pin);
            }

            return ExitCode.Done;
        });
        return command;
    }

    private static Command WhoAmI() => BrokerVerb.Create("whoami", "Show who you are to a broker, and which broker it is.", [], async (broker, _, output, cancellation) =>
    {
        WhoAmI me = await broker.WhoAmIAsync(cancellation);
        return BrokerVerb.Print(me, AdminJson.Default.WhoAmI, output, () => CliOutput.Table(["", ""],
        [
            ["you are", me.Name], ["roles", string.Join(", ", me.Roles)], ["authority", me.Authority], ["pin", me.Pin], ["two persons", string.Join(", ", me.TwoPersons)],
            ["ONE PERSON ALONE", string.Join(", ", me.OnePerson)],
        ]));
    });

    private static Command Requests() => BrokerVerb.Create("requests", "Show what waits for a second administrator.", [], async (broker, _, output, cancellation) =>
    {
        IReadOnlyList<PendingRequest> requests = await broker.ListRequestsAsync(cancellation);
        return BrokerVerb.Print(new PendingRequestList(requests), AdminJson.Default.PendingRequestList, output, () => BrokerVerb.PrintRequests(requests));
    });

    private static Command Withdraw()
    {
        Option<string> request = new("--request") { Description = "its id", Required = true };
        return BrokerVerb.Create("withdraw", "Withdraw a request that waits for a second administrator: exit 2 when there is none.", [request], async (broker, parsed, output, cancellation) =>
        {
            bool withdrawn = await broker.WithdrawAsync(parsed.GetValue(request)!, cancellation);
            BrokerVerb.Print(new ChangeResult(withdrawn), AdminJson.Default.ChangeResult, output, () => Console.Out.WriteLine(withdrawn ? "withdrawn" : "there is no such request"));
            return withdrawn ? ExitCode.Done : ExitCode.No;
        });
    }

    private static void Write(string path, string text, UnixFileMode mode)
    {
        using FileStream file = new(path, new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write, UnixCreateMode = mode });
        file.Write(Encoding.ASCII.GetBytes(text + "\n"));
    }
}
