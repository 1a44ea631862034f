using System.Text;
using Cloister.Contracts.SecretsV1;
using Cloister.Contracts.StoredValues;
using Cloister.Enclave.Base;
using Cloister.Enclave.Custody.Values;
using Cloister.Enclave.Tests.Gateway;
using Cloister.Enclave.Tests.Support;

namespace Cloister.Enclave.Tests.Secrets;

public sealed class SecretsBatchTests : IDisposable
{
    private const int MaxItems = 1000;

    private readonly SecretsFixture _secrets = new();

    public void Dispose() => _secrets.Dispose();

    [Fact]
    public async Task Round_trip_in_order_each_bound_to_its_key()
    {
        string[] keys = [.. Enumerable.Range(0, MaxItems).Select(i => $"/registry/secrets/ns/{i}")];
        EncryptBatchRequest request = new() { Items = { keys.Select(key => SecretsFixture.Encrypt(key, Encoding.UTF8.GetBytes($"of {key}"))) } };
        EncryptBatchResponse encrypted = await _secrets.CallAsync("EncryptBatch", request, EncryptBatchResponse.Parser);
        Assert.All(encrypted.Items, item => Assert.Equal(_secrets.KeyId, item.KeyId));

        DecryptBatchRequest right = new() { Items = { keys.Zip(encrypted.Items, (key, item) => SecretsFixture.Decrypt(key, item.Stored.ToByteArray())) } };
        DecryptBatchResponse decrypted = await _secrets.CallAsync("DecryptBatch", right, DecryptBatchResponse.Parser);
        Assert.Equal(keys.Select(key => $"of {key}"), decrypted.Items.Select(item => item.Plaintext.ToStringUtf8()));
        Assert.All(decrypted.Items, item => Assert.Equal((Outcome.Done, _secrets.KeyId, false), (item.Outcome, item.KeyId, item.Stale)));

        DecryptBatchRequest shifted = new() { Items = { keys.Skip(1).Zip(encrypted.Items, (key, item) => SecretsFixture.Decrypt(key, item.Stored.ToByteArray())) } };
        DecryptBatchResponse none = await _secrets.CallAsync("DecryptBatch", shifted, DecryptBatchResponse.Parser);
        Assert.Equal(MaxItems - 1, none.Items.Count);
        Assert.All(none.Items, item => Assert.Equal(new DecryptItem { Outcome = Outcome.Undecryptable }, item));
    }

    [Fact]
    public async Task One_value_that_does_not_open_leaves_the_others_alone()
    {
        byte[] good = await _secrets.EncryptAsync([7]);
        byte[] bad = [.. good];
        bad[^1] ^= 1;
        bad[60] ^= 1;
        DecryptBatchRequest request = new()
        {
            Items =
            {
                SecretsFixture.Decrypt(SecretsFixture.Key, bad),
                SecretsFixture.Decrypt(SecretsFixture.Key, Encoding.UTF8.GetBytes("{\"in\":\"clear\"}")),
                SecretsFixture.Decrypt(SecretsFixture.Key, good),
            },
        };
        DecryptBatchResponse response = await _secrets.CallAsync("DecryptBatch", request, DecryptBatchResponse.Parser);
        Assert.Equal([Outcome.Undecryptable, Outcome.Foreign, Outcome.Done], response.Items.Select(item => item.Outcome));
        Assert.Equal([0, 0, 1], response.Items.Select(item => item.Plaintext.Length));
    }

    [Fact]
    public async Task A_check_says_what_opens_and_nothing_else()
    {
        byte[] secret = Encoding.UTF8.GetBytes("correct horse battery staple");
        byte[] good = await _secrets.EncryptAsync(secret);
        byte[] bad = [.. good];
        bad[^1] ^= 1;
        CheckBatchRequest request = new()
        {
            Items =
            {
                SecretsFixture.Decrypt(SecretsFixture.Key, good),
                SecretsFixture.Decrypt(SecretsFixture.Key, bad),
                SecretsFixture.Decrypt("/registry/secrets/ns/other", good),
                SecretsFixture.Decrypt(SecretsFixture.Key, Encoding.UTF8.GetBytes("{\"in\":\"clear\"}")),
                SecretsFixture.Decrypt(SecretsFixture.Key, Encoding.UTF8.GetBytes("k8s:enc:kms:v2:cloister:x")),
            },
        };
        CheckBatchResponse response = await _secrets.CallAsync("CheckBatch", request, CheckBatchResponse.Parser);
        Outcome[] expected = [Outcome.Done, Outcome.Undecryptable, Outcome.Undecryptable, Outcome.Foreign, Outcome.Undecryptable];

        // Field 1 of every item and not a byte more.
        Assert.Equal(new CheckBatchResponse { Items = { expected.Select(outcome => new CheckItem { Outcome = outcome }) } }, response);
        Assert.Equal(expected.Length * 4, response.CalculateSize());
    }

    [Fact]
    public async Task Rewrap_moves_a_value_to_the_current_KEK_and_leaves_the_rest()
    {
        byte[] plaintext = TestKeys.Random(300);
        byte[] old = await _secrets.EncryptAsync(plaintext);
        byte[] ofApiServer = await _secrets.Gateway.StoredByApiServerAsync(SecretsFixture.Key, plaintext);
        string newKeyId = _secrets.Rotate();
        byte[] current = await _secrets.EncryptAsync(plaintext);
        byte[] broken = [.. old];
        broken[60] ^= 1;
        RewrapBatchRequest request = new()
        {
            Items =
            {
                SecretsFixture.Rewrap(SecretsFixture.Key, old),
                SecretsFixture.Rewrap(SecretsFixture.Key, current),
                SecretsFixture.Rewrap(SecretsFixture.Key, Encoding.UTF8.GetBytes("{}")),
                SecretsFixture.Rewrap(SecretsFixture.Key, broken),
                SecretsFixture.Rewrap("/registry/secrets/ns/other", old),
                SecretsFixture.Rewrap(SecretsFixture.Key, ofApiServer),
            },
        };
        RewrapBatchResponse response = await _secrets.CallAsync("RewrapBatch", request, RewrapBatchResponse.Parser);
        Assert.Equal(
            [Outcome.Done, Outcome.Unchanged, Outcome.Foreign, Outcome.Undecryptable, Outcome.Undecryptable, Outcome.Done],
            response.Items.Select(item => item.Outcome));
        Assert.Equal([1, 2, 3, 4], response.Items.Select((item, i) => (item, i)).Where(pair => pair.item.Stored.IsEmpty).Select(pair => pair.i));
        foreach (int i in (int[])[0, 5])
        {
            byte[] written = response.Items[i].Stored.ToByteArray();
            Assert.Equal(newKeyId, EncryptedObject.Parse(StoredValue.Parse(written).Body).KeyIdText);
            Assert.Equal(plaintext, (await _secrets.DecryptAsync(written)).Plaintext.ToByteArray());
            Assert.Equal(plaintext, await _secrets.Gateway.ReadByApiServerAsync(SecretsFixture.Key, written));
        }
    }

    // An API server that encrypts Secrets with the same provider, in front of a gateway of before; or a tool that was pointed at such a one.
    [Fact]
    public async Task A_value_that_was_encrypted_twice_is_told_and_on_request_encrypted_once()
    {
        byte[] plaintext = TestKeys.Random(300);
        byte[] once = await _secrets.EncryptAsync(plaintext);
        byte[] twice = await _secrets.Gateway.StoredByApiServerAsync(SecretsFixture.Key, once);
        byte[] thrice = await _secrets.Gateway.StoredByApiServerAsync(SecretsFixture.Key, twice);
        byte[] moved = await _secrets.Gateway.StoredByApiServerAsync(SecretsFixture.Key, await _secrets.EncryptAsync(plaintext, SecretsFixture.Key + "2"));
        byte[][] all = [once, twice, thrice, moved];

        CheckBatchRequest check = new() { Items = { all.Select(value => SecretsFixture.Decrypt(SecretsFixture.Key, value)) } };
        CheckBatchResponse told = await _secrets.CallAsync("CheckBatch", check, CheckBatchResponse.Parser);
        Assert.Equal(["", "k8s:enc:kms:v2:cloister:", "k8s:enc:kms:v2:cloister:", "k8s:enc:kms:v2:cloister:"], told.Items.Select(item => item.Inner));

        RewrapBatchRequest request = new() { Items = { all.Select(value => SecretsFixture.Rewrap(SecretsFixture.Key, value)) } };
        foreach (RewrapRequest item in request.Items)
        {
            item.Unwrap = true;
        }

        RewrapBatchResponse response = await _secrets.CallAsync("RewrapBatch", request, RewrapBatchResponse.Parser);
        Assert.Equal([Outcome.Unchanged, Outcome.Done, Outcome.Done, Outcome.EncryptedTwice], response.Items.Select(item => item.Outcome));
        Assert.True(response.Items[0].Stored.IsEmpty && response.Items[3].Stored.IsEmpty);
        foreach (int i in (int[])[1, 2])
        {
            Assert.Equal(plaintext, await _secrets.Gateway.ReadByApiServerAsync(SecretsFixture.Key, response.Items[i].Stored.ToByteArray()));
        }

        // Without being asked to it leaves them, also under a new KEK.
        _secrets.Rotate();
        RewrapRequest left = SecretsFixture.Rewrap(SecretsFixture.Key, twice);
        response = await _secrets.CallAsync("RewrapBatch", new RewrapBatchRequest { Items = { left } }, RewrapBatchResponse.Parser);
        Assert.Equal((Outcome.EncryptedTwice, true), (response.Items[0].Outcome, response.Items[0].Stored.IsEmpty));
        Assert.Equal(FailureKind.Invalid, (await _secrets.CallAsync("Rewrap", left)).Code);
        CallResult refused = await _secrets.CallAsync("Encrypt", SecretsFixture.Encrypt(SecretsFixture.Key, once));
        Assert.Equal(FailureKind.Invalid, refused.Code);
        Assert.Contains("encrypted twice", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Rewrap_of_one_value_answers_like_Decrypt_when_it_does_not_open()
    {
        byte[] old = await _secrets.EncryptAsync([1]);
        _secrets.Rotate();
        RewrapResponse done = await _secrets.CallAsync("Rewrap", SecretsFixture.Rewrap(SecretsFixture.Key, old), RewrapResponse.Parser);
        Assert.Equal(Outcome.Done, done.Outcome);
        RewrapResponse again = await _secrets.CallAsync("Rewrap", SecretsFixture.Rewrap(SecretsFixture.Key, done.Stored.ToByteArray()), RewrapResponse.Parser);
        Assert.Equal(new RewrapResponse { Outcome = Outcome.Unchanged }, again);
        CallResult rewrap = await _secrets.CallAsync("Rewrap", SecretsFixture.Rewrap("/another/key", old));
        CallResult decrypt = await _secrets.CallAsync("Decrypt", SecretsFixture.Decrypt("/another/key", old));
        Assert.Equal((FailureKind.Invalid, decrypt.Message), (rewrap.Code, rewrap.Message));
    }

    [Fact]
    public async Task A_retired_KEK_reads_nothing_any_more_even_what_was_read_before()
    {
        byte[] old = await _secrets.EncryptAsync([1]);
        string before = _secrets.KeyId;
        _secrets.Rotate();
        await _secrets.DecryptAsync(old);
        _secrets.Gateway.Custody.Retire(before);
        Assert.Equal(FailureKind.Invalid, (await _secrets.CallAsync("Decrypt", SecretsFixture.Decrypt(SecretsFixture.Key, old))).Code);
    }

    [Fact]
    public async Task Items_have_a_limit()
    {
        EncryptBatchRequest request = new() { Items = { Enumerable.Repeat(SecretsFixture.Encrypt("k", [1]), MaxItems + 1) } };
        CallResult result = await _secrets.CallAsync("EncryptBatch", request);
        Assert.Equal(FailureKind.LimitReached, result.Code);
        Assert.Contains("1000", result.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_seed_that_is_used_up_is_replaced_within_a_batch()
    {
        using SecretsFixture secrets = new(new SeedOptions(TimeSpan.FromHours(1), 3, 16));
        EncryptBatchRequest request = new() { Items = { Enumerable.Range(0, 10).Select(i => SecretsFixture.Encrypt($"k{i}", [(byte)i])) } };
        EncryptBatchResponse response = await secrets.CallAsync("EncryptBatch", request, EncryptBatchResponse.Parser);
        Assert.Equal(4, response.Items.Select(item => Convert.ToHexString(GatewayFixture.Edek(item.Stored.ToByteArray()))).Distinct().Count());
    }
}
