using System.Net;
using Cloister.Contracts.Keys;
using Cloister.Enclave.Broker;
using Cloister.Sockets;

namespace Cloister.Enclave.Configuration;

/// <summary>Reads <c>broker</c>: which brokers, which keys they have, which KEK. secrets: none.</summary>
internal static class BrokerSection
{
    private const int MaxUrls = 16;

    internal static BrokerOptions? Read(ConfigurationMapping root)
    {
        ConfigurationMapping section = root.Mapping("broker", required: true);
        IReadOnlyList<Uri> urls = section.List("urls", Url);
        IReadOnlyList<EndPoint> via = section.Has("via") ? section.List("via", Relay) : [];
        IReadOnlyList<byte[]> pins = section.List("pins", BrokerPins.ParsePin);
        string kek = section.Parsed("kek", "-", KekName, required: true);
        TimeSpan timeout = section.Duration("timeout", TimeSpan.FromSeconds(5), TimeSpan.FromMilliseconds(100), TimeSpan.FromMinutes(1));
        if (urls.Count is 0 or > MaxUrls)
        {
            section.Fail("urls", $"1 to {MaxUrls} brokers, such as https://broker.example:8443");
        }

        if (section.Has("via") && via.Count != urls.Count)
        {
            section.Fail("via", "one relay for each of urls, in their order, such as vsock:3:8443");
        }

        if (pins.Count == 0)
        {
            section.Fail("pins", "one or more pins, such as sha256: and the base64 of the authority's key digest");
        }

        section.RefuseUnknown();
        return pins.Count == 0 ? null : new BrokerOptions { Urls = urls, Via = via, Pins = new BrokerPins(pins), Kek = kek, Timeout = timeout };
    }

    /// <summary>The name of a KEK, wherever a configuration has one.</summary>
    internal static string KekName(string text) =>
        KekIdentity.IsValidName(text) ? text : throw new FormatException("1 to 63 of a-z 0-9 - . that begin and end with a letter or digit");

    private static VsockEndPoint Relay(string text) => VsockEndPoint.Parse(text) is { Cid: not VsockEndPoint.AnyCid } relay
        ? relay
        : throw new FormatException("vsock:CID:PORT of a relay; the parent of a Nitro enclave has CID 3, such as vsock:3:8443");

    private static Uri Url(string text) =>
        Uri.TryCreate(text, UriKind.Absolute, out Uri? url) && url.Scheme == Uri.UriSchemeHttps && url.PathAndQuery == "/" && url.UserInfo.Length == 0 && url.Fragment.Length == 0
            ? url
            : throw new FormatException("an https URL without a path");
}
