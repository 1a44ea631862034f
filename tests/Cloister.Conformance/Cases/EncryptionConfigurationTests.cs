using System.Text.Json.Nodes;
using Cloister.Conformance.Harness;
using Cloister.Conformance.Plugins;

namespace Cloister.Conformance.Cases;

/// <summary>EncryptionConfigurations, good and bad, each judged by the code that kube-apiserver runs at its start and by <c>cloister config validate</c>: they have to agree.</summary>
public sealed class EncryptionConfigurationTests : IDisposable
{
    private const string Head = "apiVersion: apiserver.config.k8s.io/v1\nkind: EncryptionConfiguration\n";
    private const string Key = "c2VjcmV0IGlzIHNlY3VyZSwgb3IgaXMgaXQ/MTIzNDU=";

    private readonly string _folder = Directory.CreateTempSubdirectory("cloister-").FullName;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    // A name, what has to be in our reason (null: it is accepted without flags), and the text.
    private static readonly (string Name, string? Reason, string Text)[] Files =
    [
        ("good", null, Kms()),
        ("good-json", null, """{"apiVersion":"apiserver.config.k8s.io/v1","kind":"EncryptionConfiguration","resources":[{"resources":["secrets"],"providers":[{"identity":{}}]}]}"""),
        ("good-old-kind", null, "apiVersion: v1\nkind: EncryptionConfig\nresources: [{resources: [secrets], providers: [{identity: {}}]}]\n"),
        ("good-two", null, Kms() + "  - identity: {}\n"),
        ("good-readers", null, $"{Head}resources:\n- resources: [secrets]\n  providers:\n  - identity: {{}}\n{Plugin()}"),
        ("good-trailing-document", null, Kms() + "---\n"),
        ("good-second-document", null, Kms() + "---\nkind: [unfinished\n"),
        ("good-document-marker", null, "---\n" + Kms()),
        ("good-comments", null, "# one\n" + Kms() + "# two\n"),
        ("good-secrets-with-dot", null, Entries("[secrets.]", "[{identity: {}}]")),
        ("good-group", null, Entries("['*.apps']", "[{identity: {}}]")),
        ("good-core", null, Entries("['*.']", "[{identity: {}}]")),
        ("good-everything", null, Entries("['*.*']", "[{identity: {}}]")),
        ("good-exact-before-star", null, $"{Head}resources:\n- {{resources: [events], providers: [{{identity: {{}}}}]}}\n- {{resources: ['*.*'], providers: [{{identity: {{}}}}]}}\n"),
        ("good-secrets-twice", null, $"{Head}resources:\n- {{resources: [secrets], providers: [{{identity: {{}}}}]}}\n- {{resources: [secrets], providers: [{{identity: {{}}}}]}}\n"),
        ("good-aescbc", null, Entries("[secrets]", $"[{{aescbc: {{keys: [{{name: k, secret: {Key}}}]}}}}, {{identity: {{}}}}]")),
        ("good-aesgcm", null, Entries("[secrets]", $"[{{aesgcm: {{keys: [{{name: k, secret: {Key}}}]}}}}]")),
        ("good-secretbox", null, Entries("[secrets]", $"[{{secretbox: {{keys: [{{name: k, secret: {Key}}}]}}}}]")),
        ("good-timeout", null, Kms("timeout: 0h0m1.5s250ms")),
        ("good-timeout-small", null, Kms("timeout: 1ns")),
        ("good-endpoint-one-slash", null, Kms(endpoint: "unix:/run/kms.sock")),
        ("good-endpoint-doubled-slash", null, Kms(endpoint: "unix:////run//kms.sock")),
        ("good-endpoint-host", null, Kms(endpoint: "unix://host/run/kms.sock")),
        ("good-endpoint-abstract", null, Kms(endpoint: "unix:///@kms.sock")),
        ("good-endpoint-escape", null, Kms(endpoint: "unix:///run/a%20b.sock")),
        ("good-endpoint-capitals", null, Kms(endpoint: "UNIX:///run/kms.sock")),
        ("good-endpoint-opaque", null, Kms(endpoint: "unix:kms.sock")),
        ("good-anchor", null, $"{Head}resources:\n- resources: &r [secrets]\n  providers: [{{identity: {{}}}}]\n- {{resources: [configmaps], providers: [{{identity: {{}}}}]}}\n"),
        ("good-quoted-number", null, Kms(name: "'123'")),
        ("empty", "no", ""),
        ("only-comment", "kind", "# nothing\n"),
        ("no-api-version", "apiVersion", Kms().Replace("apiVersion: apiserver.config.k8s.io/v1\n", "", StringComparison.Ordinal)),
        ("other-api-version", "apiVersion", Kms().Replace("k8s.io/v1\n", "k8s.io/v1beta1\n", StringComparison.Ordinal)),
        ("no-kind", "kind", Kms().Replace("kind: EncryptionConfiguration\n", "", StringComparison.Ordinal)),
        ("other-kind", "kind", Kms().Replace("kind: EncryptionConfiguration\n", "kind: AdmissionConfiguration\n", StringComparison.Ordinal)),
        ("list-at-root", "kind", "- a\n- b\n"),
        ("not-yaml", "YAML", Head + "resources: [\n"),
        ("tabs", "YAML", Head + "resources:\n\t- a\n"),
        ("unknown-field", "providerz", Entries("[secrets]", "[{identity: {}}]").Replace("providers", "providerz", StringComparison.Ordinal)),
        ("unknown-field-at-root", "metadata", Kms() + "metadata: {name: a}\n"),
        ("capital-field", "Timeout", Kms("Timeout: 3s")),
        ("field-twice", "", Kms("timeout: 3s\n      timeout: 4s")),
        ("no-resources", "resources", Head),
        ("empty-resources", "resources", Head + "resources: []\n"),
        ("resources-not-a-list", "resources", Head + "resources: {a: b}\n"),
        ("no-names", "resources[0].resources", Entries("[]", "[{identity: {}}]")),
        ("name-is-a-number", "text", Entries("[1]", "[{identity: {}}]")),
        ("no-providers", "resources[0].providers", Entries("[secrets]", "[]")),
        ("empty-provider", "no provider", Entries("[secrets]", "[{}]")),
        ("identity-without-value", "identity: {}", Entries("[secrets]", "[{identity: }]")),
        ("two-in-one-item", "more than one", Entries("[secrets]", $"[{{identity: {{}}, aescbc: {{keys: [{{name: k, secret: {Key}}}]}}}}]")),
        ("unknown-provider", "vault", Entries("[secrets]", "[{vault: {}}]")),
        ("identity-with-field", "keys", Entries("[secrets]", "[{identity: {keys: []}}]")),
        ("star", "*.", Entries("['*']", "[{identity: {}}]")),
        ("capitals", "capital", Entries("[Secrets]", "[{identity: {}}]")),
        ("name-twice", "twice", Entries("[secrets, secrets]", "[{identity: {}}]")),
        ("overlap", "covers", Entries("[secrets, '*.']", "[{identity: {}}]")),
        ("overlap-everything", "covers", Entries("[pods.apps, '*.*']", "[{identity: {}}]")),
        ("across-groups", "every group", Entries("['secrets.*']", "[{identity: {}}]")),
        ("events-group", "events", Entries("[events.events.k8s.io]", "[{identity: {}}]")),
        ("extensions-group", "extensions", Entries("[ingresses.extensions]", "[{identity: {}}]")),
        ("not-rest", "API", Entries("[apiserveripinfo]", "[{identity: {}}]")),
        ("masked", "earlier", $"{Head}resources:\n- {{resources: ['*.'], providers: [{{identity: {{}}}}]}}\n- {{resources: [secrets], providers: [{{identity: {{}}}}]}}\n"),
        ("masked-by-everything", "earlier", $"{Head}resources:\n- {{resources: ['*.*'], providers: [{{identity: {{}}}}]}}\n- {{resources: [pods.apps], providers: [{{identity: {{}}}}]}}\n"),
        ("no-keys", "keys", Entries("[secrets]", "[{aescbc: {keys: []}}]")),
        ("key-without-name", "name", Entries("[secrets]", $"[{{aescbc: {{keys: [{{secret: {Key}}}]}}}}]")),
        ("key-without-secret", "secret", Entries("[secrets]", "[{aescbc: {keys: [{name: k}]}}]")),
        ("key-not-base64", "base64", Entries("[secrets]", "[{aescbc: {keys: [{name: k, secret: '***'}]}}]")),
        ("key-too-short", "bytes", Entries("[secrets]", "[{secretbox: {keys: [{name: k, secret: AAAA}]}}]")),
        ("kms-without-name", "name", Kms(name: "''")),
        ("kms-name-is-a-number", "text", Kms(name: "123")),
        ("kms-name-is-yes", "text", Kms(name: "yes")),
        ("kms-colon", "colon", Kms(name: "a:b")),
        ("kms-twice", "earlier", Kms() + Plugin()),
        ("kms-twice-in-two-entries", "earlier", $"{Kms()}- resources: [configmaps]\n  providers:\n{Plugin()}"),
        ("kms-v1", "KMSv1", Kms(version: "v1")),
        ("kms-without-version", "KMSv1", Kms().Replace("      apiVersion: v2\n", "", StringComparison.Ordinal)),
        ("kms-v3", "v3", Kms(version: "v3")),
        ("kms-cachesize", "cache", Kms("cachesize: 100")),
        ("kms-cachesize-text", "cachesize", Kms("cachesize: 'many'")),
        ("kms-timeout-zero", "timeout", Kms("timeout: 0s")),
        ("kms-timeout-negative", "timeout", Kms("timeout: -3s")),
        ("kms-timeout-number", "timeout", Kms("timeout: 3")),
        ("kms-timeout-unit", "timeout", Kms("timeout: 3sec")),
        ("kms-timeout-spaces", "timeout", Kms("timeout: 3 s")),
        ("kms-no-endpoint", "endpoint", Kms(endpoint: "''")),
        ("kms-tcp", "unix", Kms(endpoint: "tcp://127.0.0.1:1")),
        ("kms-path-only", "unix", Kms(endpoint: "/run/kms.sock")),
        ("kms-two-slashes-space", "host", Kms(endpoint: "'unix://a b/kms.sock'")),
        ("kms-bad-escape", "percent", Kms(endpoint: "unix:///run/a%zz.sock")),
        ("kms-misspelt", "endpiont", Kms("endpiont: unix:///a")),
    ];

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData(false, false)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    [InlineData(true, true)]
    public async Task We_and_an_API_server_agree(bool reload, bool kmsV1)
    {
        HarnessPrograms programs = await HarnessPrograms.GetAsync();
        await PluginsUnderTest.PrepareAsync();
        Assert.SkipUnless(PluginsUnderTest.HaveCloister, "there is no ./cloister");
        List<(string Name, string? Reason, string Path)> files = [];
        foreach ((string name, string? reason, string text) in Files)
        {
            string path = Path.Combine(_folder, name + ".yaml");
            await File.WriteAllTextAsync(path, text, Cancellation);
            files.Add((name, reason, path));
        }

        // KMS v1 without reload may repeat a name, and its cache has a size.
        foreach ((string name, string text) in ((string, string)[])[
            ("v1-twice", Kms(version: "v1") + Plugin("v1")), ("v1-behind-v2", Kms() + Plugin("v1")), ("v1-before-v2", Kms(version: "v1") + Plugin()), ("v1-cachesize", Kms("cachesize: 100", version: "v1")),
            ("v1-cachesize-zero", Kms("cachesize: 0", version: "v1")), ("v1-cachesize-none", Kms("cachesize: -1", version: "v1")), ("v1-colon", Kms(version: "v1", name: "a:b"))])
        {
            files.Add((name, "", Path.Combine(_folder, name + ".yaml")));
            await File.WriteAllTextAsync(files[^1].Path, text, Cancellation);
        }

        string[] flags = [.. reload ? ["--reload"] : Array.Empty<string>(), .. kmsV1 ? ["--kms-v1"] : Array.Empty<string>()];
        CommandResult theirs = await Command.RunAsync(programs.PathOf("manifests"), ["--load", .. flags, .. files.Select(file => file.Path)], Cancellation);
        string[] verdicts = theirs.EnsureSuccess().Trim().Split('\n');
        Assert.Equal(files.Count, verdicts.Length);
        Assert.True(files.Count >= 60, "a folder of at least 60 files");

        CommandResult ours = await Command.RunAsync(
            CloisterPlugin.Program,
            ["config", "validate", .. files.Select(file => file.Path), "-o", "json", .. reload ? ["--automatic-reload"] : Array.Empty<string>(), .. kmsV1 ? ["--kms-v1"] : Array.Empty<string>()],
            Cancellation);
        Assert.True(ours.ExitCode == 2, ours.Error);
        JsonArray answers = JsonNode.Parse(ours.Output)!.AsArray();
        List<string> differ = [];
        for (int i = 0; i < files.Count; i++)
        {
            (string name, string? reason, string path) = files[i];
            bool accepted = verdicts[i].StartsWith("ok ", StringComparison.Ordinal);
            Assert.Equal(path, (string)answers[i]!["file"]!);
            string reasons = string.Join("; ", answers[i]!["errors"]!.AsArray().Select(error => (string)error!));
            if (accepted != (bool)answers[i]!["accepted"]!)
            {
                differ.Add($"{name}: API server: {verdicts[i]}; we: {reasons}");
            }
            else if (!accepted && !reasons.Contains(reason ?? "", StringComparison.Ordinal))
            {
                differ.Add($"{name}: '{reason}' is not in our reason: {reasons}");
            }
            else if (!kmsV1 && !reload && reason is null != accepted && name[..2] != "v1")
            {
                differ.Add($"{name}: expected otherwise: {verdicts[i]}");
            }
        }

        Assert.True(differ.Count == 0, string.Join('\n', differ));
    }

    private static string Entries(string resources, string providers) => $"{Head}resources:\n- resources: {resources}\n  providers: {providers}\n";

    private static string Kms(string? more = null, string endpoint = "unix:///run/kms.sock", string name = "tee", string version = "v2") =>
        $"{Head}resources:\n- resources: [secrets]\n  providers:\n{Plugin(version, endpoint, name, more)}";

    private static string Plugin(string version = "v2", string endpoint = "unix:///run/kms.sock", string name = "tee", string? more = null) =>
        $"  - kms:\n      apiVersion: {version}\n      name: {name}\n      endpoint: {endpoint}\n{(more is null ? "" : $"      {more}\n")}";
}
