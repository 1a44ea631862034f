using System.CommandLine;
using System.Security.Cryptography.X509Certificates;
using Cloister.Administration.Client;
using Cloister.Certificates;

namespace Cloister.Cli.Administration;

/// <summary>
/// The options that say which broker, and who asks: on the command line, or in a context file with the same names.
/// secrets: the administrator's key is read from its file, never from the command line.
/// </summary>
internal sealed class BrokerOptions
{
    private readonly Option<string?> _context = new("--context") { Description = "JSON file with broker, pin, certificate and key, in place of these options" };
    private readonly Option<string?> _broker = new("--broker") { Description = "the broker's address for administrators, https://HOST:PORT" };
    private readonly Option<string?> _pin = new("--pin") { Description = "the broker's pin, sha256:..., as it prints it when it starts" };
    private readonly Option<string?> _certificate = new("--certificate") { Description = "your certificate, PEM; 'cloister admin keygen' makes it" };
    private readonly Option<string?> _key = new("--key") { Description = "your private key, PEM" };

    /// <summary>Adds the options to a verb.</summary>
    internal void AddTo(Command command)
    {
        foreach (Option<string?> option in (Option<string?>[])[_context, _broker, _pin, _certificate, _key])
        {
            command.Options.Add(option);
        }
    }

    /// <summary>A client, and the certificate it uses.</summary>
    /// <exception cref="CliException">Something is not said, or not what it should be.</exception>
    internal BrokerSession Open(ParseResult parsed)
    {
        BrokerContext context = parsed.GetValue(_context) is { } file ? BrokerContext.Read(file) : new BrokerContext(null, null, null, null);
        return Open(new BrokerContext(
            parsed.GetValue(_broker) ?? context.Broker,
            parsed.GetValue(_pin) ?? context.Pin,
            parsed.GetValue(_certificate) ?? context.Certificate,
            parsed.GetValue(_key) ?? context.Key));
    }

    /// <summary>The client of a context file.</summary>
    /// <exception cref="CliException">Something is not said, or not what it should be.</exception>
    internal static BrokerSession Open(string contextFile) => Open(BrokerContext.Read(contextFile));

    private static BrokerSession Open(BrokerContext context)
    {
        string broker = Required("--broker", context.Broker);
        if (!Uri.TryCreate(broker, UriKind.Absolute, out Uri? address) || address.Scheme != Uri.UriSchemeHttps)
        {
            throw new CliException($"--broker: '{broker}' is no address like https://broker.example:8444");
        }

        BrokerPin pin;
        try
        {
            pin = BrokerPin.Parse(Required("--pin", context.Pin));
        }
        catch (FormatException e)
        {
            throw new CliException($"--pin: {e.Message}");
        }

        return new BrokerSession(address, pin, Certificate(Required("--certificate", context.Certificate), Required("--key", context.Key)));

        static string Required(string option, string? value) => value ?? throw new CliException($"{option} is missing: give it, or a --context file that has it");
    }

    private static X509Certificate2 Certificate(string certificate, string key)
    {
        try
        {
            return PemFiles.ReadIdentity(certificate, key).Leaf;
        }
        catch (PemException e)
        {
            throw new CliException($"--certificate and --key: {e.Message}; 'cloister admin keygen' makes both");
        }
    }
}
