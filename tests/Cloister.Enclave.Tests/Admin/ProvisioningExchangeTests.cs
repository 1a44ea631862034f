using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Cloister.Attestation.Binding;
using Cloister.Contracts.Operators;
using Cloister.Enclave.Base;
using Cloister.Enclave.Broker;
using Cloister.Enclave.Custody;
using Cloister.Enclave.Keys;
using Cloister.Enclave.Keys.Memory;
using Cloister.Enclave.Services.Admin;
using Cloister.Enclave.Tests.Broker;
using Cloister.Enclave.Tests.Support;
using Cloister.Kbs;

namespace Cloister.Enclave.Tests.Admin;

/// <summary>The exchange, with JWEs of a library that shares no code with the enclave.</summary>
public sealed class ProvisioningExchangeTests : IAsyncDisposable
{
    private static readonly string Nonce = Convert.ToBase64String(RandomNumberGenerator.GetBytes(32));
    private static readonly string Digest = new('c', 96);

    private readonly AttestedFixture.ShiftedTime _time = new();
    private readonly SecretArena _arena = new(64);
    private readonly ProvisioningExchange _exchange;
    private readonly ManualCustody _custody;

    public ProvisioningExchangeTests()
    {
        _custody = new ManualCustody(TestKeys.Context(), _arena, sealedKeks: null);
        _exchange = Exchange();
    }

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public async ValueTask DisposeAsync()
    {
        _exchange.Dispose();
        await _custody.DisposeAsync();
        Assert.Equal(0, _arena.InUse);
        _arena.Dispose();
    }

    [Fact]
    public async Task Evidence_covers_nonce_key_and_what_the_enclave_states()
    {
        (string text, _) = await _exchange.ChallengeAsync(Nonce, "main", Cancellation);
        AttestRequest attestation = JsonSerializer.Deserialize(text, KbsJson.Default.AttestRequest)!;
        RuntimeData binding = new(Nonce, Encoding.UTF8.GetBytes(attestation.RuntimeData.TeePublicKey.GetRawText()), attestation.TeeEvidence.Additional);
        Assert.True(binding.Binds(attestation.TeeEvidence.Primary.GetProperty("data").GetBytesFromBase64()));
        EnclaveStatement statement = JsonSerializer.Deserialize(attestation.TeeEvidence.Additional, KbsJson.Default.StatementEnvelope)!.Cloister;
        Assert.Equal(new EnclaveStatement(2, StatementPurpose.Provisioning, "cluster-1", "cloister", Digest, "main", "", 0, 0, ""), statement);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_KEK_for_a_ticket_is_taken(bool inactive)
    {
        (string key, byte[] ticket) = await ChallengeAsync();
        Kek kek = _exchange.Provision(Jwe(key, ticket, inactive: inactive), default, _custody);
        using Kek same = Kek.Manual("main", 3, SecretKey.TakeOver(_arena, TestKeys.Of(9)));
        Assert.Equal(same.KeyId, kek.KeyId);
        Assert.Equal(inactive ? null : kek.KeyId, _custody.Status.KeyId);
    }

    public static TheoryData<string> Wrongs =>
        ["replayed", "too late", "another ticket", "no ticket issued", "another name", "another enclave", "changed", "cut off", "a byte more", "an odd flag", "not JSON", "null"];

    [Theory]
    [MemberData(nameof(Wrongs))]
    public async Task Anything_else_is_refused_alike(string wrong)
    {
        (string key, byte[] ticket) = await ChallengeAsync();
        string jwe = Jwe(key, ticket);
        switch (wrong)
        {
            case "replayed":
                _exchange.Provision(jwe, default, _custody);
                _custody.Wipe();
                break;
            case "too late":
                _time.Forward(TimeSpan.FromSeconds(301));
                break;
            case "another ticket":
                jwe = Jwe(key, RandomNumberGenerator.GetBytes(32));
                break;
            case "no ticket issued":
                jwe = Jwe(key, new byte[32]);
                break;
            case "another name":
                jwe = Jwe(key, ticket, name: "other");
                break;
            case "another enclave":
                using (ProvisioningExchange other = Exchange())
                {
                    jwe = Jwe((await ChallengeAsync(other)).Key, ticket);
                }

                break;
            case "changed":
                FlattenedJwe parts = JsonSerializer.Deserialize(jwe, KbsJson.Default.FlattenedJwe)!;
                jwe = JsonSerializer.Serialize(parts with { Tag = "AAAA" + parts.Tag[4..] }, KbsJson.Default.FlattenedJwe);
                break;
            case "cut off":
                jwe = Encrypt(key, new byte[37]);
                break;
            case "a byte more":
                jwe = Encrypt(key, [.. Content(ticket, "main", false), 0]);
                break;
            case "an odd flag":
                byte[] content = Content(ticket, "main", false);
                content[36] = 2;
                jwe = Encrypt(key, content);
                break;
            default:
                jwe = wrong == "null" ? "null" : "no JSON";
                break;
        }

        FailureException refused = Assert.Throws<FailureException>(() => _exchange.Provision(jwe, default, _custody));
        Assert.Equal(FailureKind.Invalid, refused.Kind);
        Assert.StartsWith("the KEK is not accepted", refused.Message, StringComparison.Ordinal);
        Assert.Empty(_custody.Ring.All);
    }

    public static TheoryData<string> Forgeries =>
        ["no signature", "another key", "another act", "another cluster", "another provider", "another name", "another version", "as inactive", "another KEK", "another ticket", "changed"];

    [Theory]
    [MemberData(nameof(Forgeries))]
    public async Task With_pinned_operators_only_what_one_of_them_signed_is_taken(string forgery)
    {
        using ECDsa operatorKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using ECDsa other = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using ProvisioningExchange exchange = Exchange(OperatorPins.Of([SHA256.HashData(operatorKey.ExportSubjectPublicKeyInfo())]));
        (string key, byte[] ticket) = await ChallengeAsync(exchange);
        OperatorStatement good = new(OperatorAct.Provision, "cluster-1", "cloister", ticket) { Kek = "main", Version = 3, Active = true, KeyDigest = SHA256.HashData(TestKeys.Of(9)) };
        OperatorStatement signed = forgery switch
        {
            "another act" => good with { Act = OperatorAct.Import },
            "another cluster" => good with { Cluster = "cluster-2" },
            "another provider" => good with { Provider = "other" },
            "another name" => good with { Kek = "mail" },
            "another version" => good with { Version = 4 },
            "as inactive" => good with { Active = false },
            "another KEK" => good with { KeyDigest = SHA256.HashData(TestKeys.Of(8)) },
            "another ticket" => good with { Ticket = new byte[32] },
            _ => good,
        };
        ECDsa signer = forgery == "another key" ? other : operatorKey;
        byte[] value = signed.Sign(signer);
        value[63] ^= forgery == "changed" ? (byte)1 : (byte)0;
        OperatorSignature signature = forgery == "no signature" ? default : new(signer.ExportSubjectPublicKeyInfo(), value, default);
        FailureException refused = Assert.Throws<FailureException>(() => exchange.Provision(Jwe(key, ticket), signature, _custody));
        Assert.Equal(FailureKind.NotAllowed, refused.Kind);
        Assert.Contains("--operator-key", refused.Message, StringComparison.Ordinal);
        Assert.Empty(_custody.Ring.All);

        // The ticket is gone with the attempt: the right signature over it comes too late.
        OperatorSignature right = new(operatorKey.ExportSubjectPublicKeyInfo(), good.Sign(operatorKey), default);
        Assert.Throws<FailureException>(() => exchange.Provision(Jwe(key, ticket), right, _custody));
        (key, ticket) = await ChallengeAsync(exchange);
        right = new(operatorKey.ExportSubjectPublicKeyInfo(), (good with { Ticket = ticket }).Sign(operatorKey), default);
        Assert.Equal(exchange.Provision(Jwe(key, ticket), right, _custody).KeyId, _custody.Status.KeyId);
    }

    [Fact]
    public async Task Only_the_newest_tickets_are_kept()
    {
        (string key, byte[] first) = await ChallengeAsync();
        (_, byte[] second) = await ChallengeAsync();
        for (int i = 0; i < 15; i++)
        {
            await ChallengeAsync();
        }

        Assert.Throws<FailureException>(() => _exchange.Provision(Jwe(key, first), default, _custody));
        _exchange.Provision(Jwe(key, second), default, _custody);
    }

    [Fact]
    public async Task Another_key_of_the_same_name_and_version_is_said_to_be_there()
    {
        _custody.Import("main", 3, TestKeys.Of(1), activate: true);
        (string key, byte[] ticket) = await ChallengeAsync();
        Assert.Equal(FailureKind.NotReady, Assert.Throws<FailureException>(() => _exchange.Provision(Jwe(key, ticket), default, _custody)).Kind);
    }

    [Theory]
    [InlineData("", "main")]
    [InlineData("AAAA", "main")]
    [InlineData("not base64", "main")]
    [InlineData("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", "Main")]
    public async Task What_is_no_challenge_is_refused(string nonce, string kek) =>
        Assert.Equal(
            FailureKind.Invalid,
            (await Assert.ThrowsAsync<FailureException>(async () => await _exchange.ChallengeAsync(nonce, kek, Cancellation))).Kind);

    private static byte[] Content(byte[] ticket, string name, bool inactive)
    {
        byte[] version = new byte[4];
        BinaryPrimitives.WriteUInt32BigEndian(version, 3);
        return [.. ticket, .. version, inactive ? (byte)1 : (byte)0, (byte)name.Length, .. Encoding.ASCII.GetBytes(name), .. TestKeys.Of(9)];
    }

    private static string Jwe(string key, byte[] ticket, string name = "main", bool inactive = false) => Encrypt(key, Content(ticket, name, inactive));

    private static string Encrypt(string key, byte[] content) => JsonSerializer.Serialize(JoseBroker.Encrypt(key, content), KbsJson.Default.FlattenedJwe);

    private async Task<(string Key, byte[] Ticket)> ChallengeAsync(ProvisioningExchange? exchange = null)
    {
        (string text, byte[] ticket) = await (exchange ?? _exchange).ChallengeAsync(Nonce, "main", Cancellation);
        return (JsonSerializer.Deserialize(text, KbsJson.Default.AttestRequest)!.RuntimeData.TeePublicKey.GetRawText(), ticket);
    }

    private ProvisioningExchange Exchange(OperatorPins? operators = null)
    {
        AdminTickets tickets = new(_time);
        OperatorApproval approval = new(TestKeys.Context(), operators ?? OperatorPins.Any, tickets);
        return new ProvisioningExchange(TestKeys.Context(), Digest, new AttestedFixture.ReportDataEvidence(), new AttestedKey(), tickets, approval);
    }
}
