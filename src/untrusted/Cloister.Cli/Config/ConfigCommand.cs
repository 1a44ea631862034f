using System.CommandLine;
using System.Text.Json.Nodes;
using Cloister.Cli.Output;

namespace Cloister.Cli.Config;

/// <summary><c>cloister config</c>: files that other programs read.</summary>
internal static class ConfigCommand
{
    internal static Command Create() => new("config", "Write configuration for other programs, and look at it.")
    {
        EncryptionProvider(), ConfigValidateCommand.Create(), ConfigDigestCommand.Digest(), ConfigDigestCommand.Diff(),
    };

    private static Command EncryptionProvider()
    {
        Option<string> socket = CliOutput.Path("--socket", "the KMS socket");
        Option<string> provider = new("--provider-name") { Description = "name of the provider; part of every stored value, never rename it", DefaultValueFactory = _ => "tee" };
        Option<string> version = new("--kms-version") { Description = "v1 or v2", DefaultValueFactory = _ => "v2" };
        version.AcceptOnlyFromAmong("v1", "v2");
        Option<string[]> resources = new("--resource") { Description = "what to encrypt; may be repeated", DefaultValueFactory = _ => ["secrets"] };
        Option<string> phase = new("--phase")
        {
            Description = "readers: every API server can read what the plugin encrypted, and writes in clear; writers: it encrypts, and reads both; sealed: it reads nothing in clear. "
                + "With several API servers each phase is on all of them before the next is on any",
            DefaultValueFactory = _ => "writers",
        };
        phase.AcceptOnlyFromAmong("readers", "writers", "sealed");
        Option<bool> noIdentity = new("--no-identity") { Description = "the same as --phase sealed" };
        Option<OutputFormat> output = CliOutput.Option();
        Command command = new("encryption-provider", "Print the EncryptionConfiguration for --encryption-provider-config of an API server.")
        {
            socket, provider, version, resources, phase, noIdentity, output,
        };
        command.SetAction(parsed =>
        {
            string name = parsed.GetValue(provider)!;
            if (name.Length == 0 || name.Contains(':'))
            {
                throw new CliException("a provider's name is not empty and has no ':'");
            }

            if (parsed.GetValue(resources)! is not [_, ..] names || names.Append(name).Append(parsed.GetValue(socket)!).Any(part => part.Length == 0 || part.Any(char.IsControl)))
            {
                throw new CliException("names, resources and the socket's path are not empty and have no control characters");
            }

            string inPhase = parsed.GetValue(phase)!;
            if (parsed.GetValue(noIdentity))
            {
                inPhase = inPhase == "readers" ? throw new CliException("--no-identity is phase sealed, not readers: leave one of the two out") : "sealed";
            }

            string text = EncryptionConfigurationFile.Text(Path.GetFullPath(parsed.GetValue(socket)!), name, parsed.GetValue(version)!, names, inPhase);
            if (parsed.GetValue(output) == OutputFormat.Json)
            {
                CliOutput.Json(new JsonObject { ["yaml"] = text });
            }
            else
            {
                Console.Out.Write(text);
            }

            return ExitCode.Done;
        });
        return command;
    }
}
