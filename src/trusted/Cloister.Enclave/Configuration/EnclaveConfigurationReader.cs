using System.Globalization;
using System.Net;
using System.Text;
using Cloister.Contracts.Envelope;
using Cloister.Enclave.Broker;
using Cloister.Enclave.Custody;
using Cloister.Enclave.Gateway.Transport;
using Cloister.Enclave.Hosting;
using Cloister.Enclave.Services.Admin;
using Cloister.Enclave.Services.Secrets;
using Cloister.Enclave.Wire.Grpc;
using Cloister.Sockets;

namespace Cloister.Enclave.Configuration;

/// <summary>Reads <c>kind: EnclaveConfiguration</c>: validated whole, every error at once with its line, unknown fields refused. secrets: none.</summary>
public static class EnclaveConfigurationReader
{
    private const string ApiVersion = "cloister.dev/v1alpha1";
    private const string Kind = "EnclaveConfiguration";
    private const string SurvivesRevocation = "survives-revocation";

    /// <summary>Reads a configuration.</summary>
    /// <param name="text">YAML.</param>
    /// <param name="readMore">Reads sections that only this program knows; null for none.</param>
    /// <exception cref="ConfigurationException">Everything that is wrong.</exception>
    public static EnclaveConfiguration Read(string text, Action<ConfigurationMapping>? readMore = null)
    {
        ConfigurationDocument document = ConfigurationDocument.Parse(text);
        ConfigurationMapping root = document.Root;
        root.OneOf("apiVersion", ApiVersion, true, ApiVersion);
        root.OneOf("kind", Kind, true, Kind);
        string cluster = Identity(root, "cluster");
        string provider = Identity(root, "provider");
        if (provider.Contains(':'))
        {
            root.Fail("provider", "a provider's name has no ':', which ends it in the stored prefix");
        }

        // A gateway needs no KMS socket, and whoever may call one can unwrap the gateway's seeds.
        ServerOptions? kms = root.Has("kms") || !root.Has("gateway") ? Server(root.Mapping("kms", required: true), "unix:/run/cloister/kms.sock") : null;
        ServerOptions? admin = root.Has("admin") ? Server(root.Mapping("admin"), "unix:/run/cloister/admin.sock", tcp: false) : null;
        ServerOptions? secrets = root.Has("secrets") ? Server(root.Mapping("secrets"), "unix:/run/cloister/secrets.sock") : null;
        RefuseSameAddress(root, ("kms", kms), ("admin", admin), ("secrets", secrets));

        ConfigurationMapping custody = root.Mapping("custody", required: true);
        string mode = custody.OneOf("mode", "", true, "manual", "attested", "remote", "passthrough");
        if ((mode is "manual" or "attested") && custody.Has("remote"))
        {
            custody.Fail("remote", $"custody {mode} has no remote KMS");
        }

        if (mode == "manual" && admin is { Address.EndPoint: VsockEndPoint })
        {
            // Over vsock it would be the host itself that gives, takes and wipes KEKs.
            custody.Fail("mode", "custody manual takes KEKs over the admin socket, and on vsock that is the parent's: use custody attested, or leave admin out");
        }

        if (mode is not ("manual" or "") && custody.Has("manual"))
        {
            custody.Fail("manual", $"custody {mode} takes no KEKs from operators");
        }

        OperatorPins operators = Operators(custody.Mapping("manual"));
        RemoteOptions remote = Remote(custody.Mapping("remote"));
        custody.RefuseUnknown();

        BrokerOptions? broker = mode == "attested" || (mode is "remote" or "passthrough" && root.Has("broker")) ? BrokerSection.Read(root) : null;
        ConfigurationMapping state = root.Mapping("state");
        string? directory = state.Parsed<string?>("directory", null, AbsolutePath);
        bool sealsLease = state.OneOf("sealedLease", "none", false, "none", SurvivesRevocation) == SurvivesRevocation;
        if (sealsLease && (mode != "attested" || directory is null))
        {
            state.Fail("sealedLease", "only custody attested has a lease, and its sealed copy needs state.directory");
        }

        state.RefuseUnknown();
        GatewayOptions? gateway = GatewaySection.Read(root, mode, broker is not null);
        readMore?.Invoke(root);
        root.RefuseUnknown();
        document.ThrowIfFailed();

        return new EnclaveConfiguration
        {
            Context = new EnvelopeContext(EnvelopeContext.KmsPurpose, cluster, provider),
            Kms = kms,
            Admin = admin,
            Secrets = secrets is null ? null : secrets with { MaxMessageSize = SecretsService.MaxMessageSize, RequestMemory = SecretsService.RequestMemory },
            Custody = mode,
            Operators = operators,
            Remote = remote,
            Broker = broker,
            Gateway = gateway,
            StateDirectory = directory,
            SealsLease = sealsLease,
        };
    }

    private static string Identity(ConfigurationMapping root, string field) => root.Parsed(
        field,
        "-",
        text => text.Length > 0 && Encoding.UTF8.GetByteCount(text) <= EnvelopeContext.MaxTextSize && !text.AsSpan().ContainsAnyExceptInRange('!', '~')
            ? text
            : throw new FormatException($"1 to {EnvelopeContext.MaxTextSize} visible ASCII characters"),
        required: true);

    private static ServerOptions? Server(ConfigurationMapping section, string example, bool tcp = true)
    {
        ListenAddress? address = section.Parsed(
            "listen",
            (ListenAddress?)null,
            text => Listen(text, tcp, example),
            required: true);
        ConfigurationMapping socket = section.Mapping("socket");
        SocketPermissions defaults = new();
        SocketPermissions permissions = new()
        {
            Mode = socket.Parsed("mode", defaults.Mode, Mode),
            Owner = socket.Parsed<uint?>("owner", null, UserId),
            Group = socket.Parsed<uint?>("group", null, UserId),
            AllowedUids = socket.List("allowedUids", text => UserId(text)!.Value),
        };
        socket.RefuseUnknown();
        int connections = section.Number("maxConnections", EnclaveNeeds.AsFits, 1, 65_536);
        IReadOnlyList<byte[]> pins = RelayPins(section, address);
        section.RefuseUnknown();
        return address is null
            ? null
            : new ServerOptions { Address = address, Permissions = permissions, RelayPins = pins, MaxConnections = connections };
    }

    // Who may connect: on a unix socket the kernel says who is there, elsewhere a relay shows a key. What cannot be checked is not accepted.
    private static IReadOnlyList<byte[]> RelayPins(ConfigurationMapping section, ListenAddress? address)
    {
        ConfigurationMapping relay = section.Mapping("relay");
        IReadOnlyList<byte[]> pins = relay.List("pins", BrokerPins.ParsePin);
        relay.RefuseUnknown();
        bool unauthenticated = section.OneOf("unauthenticated", "false", false, "true", "false") == "true";
        if (address is null)
        {
            return pins;
        }

        if (address.Path is not null)
        {
            foreach (string field in (ReadOnlySpan<string>)["relay", "unauthenticated"])
            {
                if (section.Has(field))
                {
                    section.Fail(field, "is for tcp: and vsock:; on a unix socket socket.allowedUids says who may connect");
                }
            }

            return pins;
        }

        if (section.Has("socket"))
        {
            section.Fail("socket", "mode, owner, group and allowedUids are those of a unix socket: nothing can check them on tcp: or vsock:. Name the keys that may connect with relay.pins");
        }

        if (section.Has("relay") && pins.Count == 0)
        {
            section.Fail("relay", "pins has one or more keys, as 'cloister relay keygen' prints them");
        }
        else if (pins.Count == 0 && !address.IsLocal)
        {
            section.Fail("listen", "other machines reach this address: name the keys that may connect with relay.pins ('cloister relay keygen' makes one), or listen on tcp:127.0.0.1:port");
        }
        else if (pins.Count == 0 && !unauthenticated)
        {
            section.Fail("listen", "every process of the machine can connect to tcp: and vsock:. Name the relay's key with relay.pins ('cloister relay keygen' makes it), or say unauthenticated: true, for development only");
        }
        else if (pins.Count > 0 && unauthenticated)
        {
            section.Fail("unauthenticated", "says that anybody may connect, and relay.pins says who: leave one of them out");
        }

        return pins;
    }

    private static ListenAddress Listen(string text, bool tcp, string example)
    {
        ListenAddress address = ListenAddress.ParseAny(text, out string error) ?? throw new FormatException($"{error}, such as {example}");
        return tcp || address.EndPoint is not IPEndPoint
            ? address
            : throw new FormatException("administration is served on a unix socket, or on vsock in a Nitro enclave");
    }

    private static OperatorPins Operators(ConfigurationMapping section)
    {
        IReadOnlyList<byte[]> pins = section.ListOrWord("operators", OperatorPins.AnyWord, BrokerPins.ParsePin, out bool any);
        section.RefuseUnknown();
        return any ? OperatorPins.Any : OperatorPins.Of(pins);
    }

    private static RemoteOptions Remote(ConfigurationMapping section)
    {
        RemoteOptions defaults = new();
        RemoteOptions options = new()
        {
            Timeout = section.Duration("timeout", defaults.Timeout, TimeSpan.FromMilliseconds(10), TimeSpan.FromMinutes(1)),
            PollInterval = section.Duration("pollInterval", defaults.PollInterval, TimeSpan.FromMilliseconds(100), TimeSpan.FromHours(1)),
            RetryInterval = section.Duration("retryInterval", defaults.RetryInterval, TimeSpan.FromMilliseconds(100), TimeSpan.FromMinutes(10)),
            MaxStaleness = section.Duration("maxStaleness", defaults.MaxStaleness, TimeSpan.FromSeconds(1), TimeSpan.FromHours(24)),
            PoolSize = section.Number("poolSize", defaults.PoolSize, 1, 4096),
            DekMaxUses = section.Number("dekMaxUses", defaults.DekMaxUses, 1, 1_000_000),
            DekMaxAge = section.Duration("dekMaxAge", defaults.DekMaxAge, TimeSpan.FromSeconds(1), TimeSpan.FromHours(24)),
            CacheEntries = section.Number("cacheEntries", defaults.CacheEntries, 16, 1_048_576),
        };
        section.RefuseUnknown();
        return options;
    }

    private static void RefuseSameAddress(ConfigurationMapping root, params ReadOnlySpan<(string Section, ServerOptions? Options)> servers)
    {
        Dictionary<string, string> taken = [];
        foreach ((string section, ServerOptions? options) in servers)
        {
            if (options is not null && !taken.TryAdd(options.Address.Text, section))
            {
                root.Fail(section, $"{taken[options.Address.Text]} and {section} need different addresses");
            }
        }
    }

    private static string AbsolutePath(string text) =>
        text.StartsWith('/') ? text : throw new FormatException("an absolute path");

    private static uint? UserId(string text) =>
        uint.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out uint id) && id < uint.MaxValue
            ? id
            : throw new FormatException("a user or group id, a number");

    private static UnixFileMode Mode(string text)
    {
        bool octal = text.Length is 3 or 4 && !text.AsSpan().ContainsAnyExceptInRange('0', '7');
        int mode = octal ? Convert.ToInt32(text, 8) : -1;
        return mode is >= 0 and <= 0x1FF && (mode & 7) == 0
            ? (UnixFileMode)mode
            : throw new FormatException("an octal mode that gives others nothing, such as \"0600\" or \"0660\"");
    }
}
