/* The bias of an account: who may enter it without a lock, and how it is taken from somebody who is inside. The
 * protocol as a model, whose states are all searched: tests/model/bias.pml.
 */
#include "unit/unit.h"

#include "heaps/bias.h"
#include "heaps/life.h"
#include "os/os.h"
#include "support/threads.h"

/* --- a kernel with the barrier or without --- */

static bool has_barrier = true;
static unsigned barriers, starts; /* atomic: asked for */

bool __real_cai_os_barrier_start(void);
bool __wrap_cai_os_barrier_start(void);
void __real_cai_os_barrier(void);
void __wrap_cai_os_barrier(void);

bool __wrap_cai_os_barrier_start(void)
{
    starts++;
    return has_barrier && __real_cai_os_barrier_start();
}

void __wrap_cai_os_barrier(void)
{
    cai_add_relaxed(&barriers, 1);
    __real_cai_os_barrier();
}

/* On a kernel without it there is nothing to show but that. */
static bool is_there(void)
{
    return __real_cai_os_barrier_start();
}

static const bool no_yes[] = {false, true};

/* --- accounts --- */

static ca_authority authority_of(unsigned number)
{
    return (ca_authority){{number, number + UINT64_C(0x1000)}};
}

/* An account of this thread for an authority with this number. */
static struct cai_account *account_for(unsigned number, struct cai_thread *holder)
{
    struct cai_account *account = cai_registry_create_account();

    require(account != NULL);
    cai_bias_start(account);
    account->node = account->grant.node = number;
    account->grant.rights = CA_RIGHT_ALL;
    account->grant.authority = authority_of(number);
    account->holder = holder;
    return account;
}

static struct cai_heap *enter(unsigned number)
{
    return cai_bias_enter(cai_self, number, number + UINT64_C(0x1000));
}

static bool is_inside(void)
{
    return cai_load_relaxed(&cai_self->owner.inside) != 0;
}

/* Enters and leaves. */
static bool may_enter(unsigned number, const struct cai_account *account)
{
    struct cai_heap *heap = enter(number);

    require((heap == NULL) == !is_inside());
    require(heap == NULL || heap == &account->owner.heap);
    if (heap != NULL)
        cai_bias_leave(cai_self);
    return heap != NULL;
}

static struct cai_account *start(void)
{
    require(cai_life_attach() != NULL);
    return account_for(1, cai_self);
}

/* --- granting and entering --- */

CHILD_TEST(test_nobody_enters_without_a_key, 10)
{
    struct cai_account *account = start();

    require(!may_enter(1, account) && account->owner.key[0] == 0);
    require(account->owner.key[1] != 0 && account->owner.key[1] != account->grant.authority.opaque[1]);
    require(!cai_bias_enter_account(cai_self, account) && !is_inside());
    require(cai_bias_enter_number(cai_self, account->owner.heap.id) == NULL && !is_inside());
    cai_self->owner.recent = (uintptr_t)account - (uintptr_t)cai_self; /* used last, and shut */
    require(!may_enter(1, account));
}

CHILD_TEST(test_C5_the_holder_enters_until_its_bias_is_revoked, 10)
{
    if (!is_there())
        return;
    struct cai_account *account = start();
    cai_bias_grant(account);
    require(may_enter(1, account));
    require(cai_bias_enter(cai_self, 1, authority_of(1).opaque[1] + 1) == NULL && !is_inside());
    require(cai_bias_enter(cai_self, 2, authority_of(1).opaque[1]) == NULL && !is_inside());
    require(cai_bias_enter_number(cai_self, account->owner.heap.id) == &account->owner.heap && is_inside());
    cai_bias_leave(cai_self);
    require(cai_bias_enter_number(cai_self, account->owner.heap.id + 1) == NULL && !is_inside());
    require(cai_bias_enter_number(cai_self, cai_self_heap()->id) == NULL && !is_inside());
    require(cai_bias_enter_account(cai_self, account) && is_inside());
    cai_bias_leave(cai_self);
    cai_bias_revoke(account);
    require(!may_enter(1, account) && !cai_bias_enter_account(cai_self, account) && !is_inside());
    require(cai_bias_enter_number(cai_self, account->owner.heap.id) == NULL && !is_inside());
    require(barriers == 0); /* nobody else has to see it */
    cai_bias_grant(account);
    require(may_enter(1, account));
}

/* Who may not allocate gets no fast path, nor does an account that nobody holds. */
CHILD_TEST(test_C5_C7_no_key_without_the_right_or_a_holder, 10)
{
    struct cai_account *account = start();

    account->grant.rights = CA_RIGHT_ALL & ~(unsigned)CA_RIGHT_ALLOCATE;
    cai_bias_grant(account);
    require(account->owner.key[0] == 0 && !may_enter(1, account));
    struct cai_account *nobodys = account_for(2, NULL);
    cai_bias_grant(nobodys);
    require(nobodys->owner.key[0] == 0);
    cai_bias_revoke(account); /* nothing to take */
    cai_bias_end(nobodys);
    require(barriers == 0);
}

static struct cai_account *given;

static void *enter_there(void *unused)
{
    require(cai_life_attach() != NULL);
    require(!cai_bias_enter_account(cai_self, given) && !is_inside());
    require(!may_enter(1, given) && !cai_bias_switch(authority_of(1)));
    return unused;
}

CHILD_TEST(test_C5_another_thread_does_not_enter, 10)
{
    given = start();
    cai_bias_grant(given);
    in_thread(enter_there, NULL);
    require(!cai_bias_enter_account(&cai_thread_none, given) && cai_thread_none.owner.inside == 0);
}

/* --- switching --- */

CHILD_TEST(test_C5_a_thread_switches_between_its_accounts, 10)
{
    if (!is_there())
        return;
    struct cai_account *one = start();
    struct cai_account *two = account_for(2, cai_self);
    cai_bias_grant(one);
    cai_bias_grant(two); /* the one used last */
    require(may_enter(2, two) && !may_enter(1, one));
    require(cai_bias_switch(authority_of(1)) && !is_inside());
    require(may_enter(1, one) && !may_enter(2, two));
    require(!cai_bias_switch(authority_of(1))); /* it is that one already */
    require(!cai_bias_switch(authority_of(3))); /* at nobody's hand */
    require(!cai_bias_switch((ca_authority){{2, 5}}));
    require(may_enter(1, one));
    cai_bias_revoke(two);
    require(!cai_bias_switch(authority_of(2)) && may_enter(1, one));
    /* Two authorities at one place of the memory: the later one stands there. */
    struct cai_account *far = account_for(1 + CAI_ACCOUNTS_KNOWN, cai_self);
    require(cai_bias_known(authority_of(1)) == cai_bias_known(authority_of(1 + CAI_ACCOUNTS_KNOWN)));
    cai_bias_grant(far);
    require(may_enter(1 + CAI_ACCOUNTS_KNOWN, far) && !cai_bias_switch(authority_of(1)));
    cai_bias_end(one); /* it does not make the thread forget the other */
    require(may_enter(1 + CAI_ACCOUNTS_KNOWN, far));
    cai_bias_grant(two);
    require(may_enter(2, two) && cai_bias_switch(authority_of(1 + CAI_ACCOUNTS_KNOWN)));
}

/* --- revoking from another thread --- */

static struct steps steps = STEPS_INIT;
static bool left;

static void *stay_inside(void *unused)
{
    require(cai_life_attach() != NULL);
    given = account_for(1, cai_self);
    cai_bias_grant(given);
    require(enter(1) == &given->owner.heap);
    step_reach(&steps, 1);
    pause_ms(100);
    cai_store_relaxed(&left, true);
    cai_bias_leave(cai_self);
    step_await(&steps, 2);
    require(!may_enter(1, given)); /* later comers find no key */
    return unused;
}

CHILD_TEST_EACH(test_C5_who_is_inside_is_waited_for, 10, no_yes)
{
    if (!is_there())
        return;
    require(cai_life_attach() != NULL);
    pthread_t thread = thread_start(stay_inside, NULL);
    step_await(&steps, 1);
    if (value)
        cai_bias_end(given);
    else
        cai_bias_revoke(given);
    require(cai_load_relaxed(&left)); /* it was waited for */
    require(barriers == (value ? 2 : 1) && given->owner.key[0] == 0);
    step_reach(&steps, 2);
    thread_join(thread);
}

/* --- ending --- */

CHILD_TEST(test_C5_an_ended_bias_is_forgotten_by_its_holder, 10)
{
    if (!is_there())
        return;
    struct cai_account *account = start();
    struct cai_thread *holder = cai_self;
    cai_bias_grant(account);
    require(holder->known[1] == account && holder->owner.recent == (uintptr_t)account - (uintptr_t)holder);
    cai_bias_end(account);
    require(account->holder == NULL && holder->known[1] == NULL && holder->owner.recent == 0);
    require(!may_enter(1, account) && !cai_bias_switch(authority_of(1)));
    cai_bias_end(account); /* once more changes nothing */
    cai_bias_grant(account);
    require(account->owner.key[0] == 0);
    account->holder = holder; /* for another authority, as an account is used again */
    account->grant.authority = authority_of(5);
    cai_bias_grant(account);
    require(may_enter(5, account) && !may_enter(1, account));
}

/* --- a kernel without the barrier --- */

CHILD_TEST(test_C5_without_the_barrier_there_is_never_a_key, 10)
{
    has_barrier = false;
    struct cai_account *account = start();
    struct cai_account *second = account_for(2, cai_self);
    require(starts == 1); /* asked once */
    cai_bias_grant(account);
    cai_bias_grant(second);
    require(!may_enter(1, account) && !may_enter(2, second) && !cai_bias_switch(authority_of(1)));
    cai_bias_revoke(account);
    cai_bias_end(account);
    cai_bias_after_fork_in_child();
    require(account->holder == NULL && barriers == 0 && starts == 1);
}

/* --- fork --- */

CHILD_TEST_EACH(test_D3_C5_a_child_asks_for_the_barrier_anew, 10, no_yes)
{
    if (!is_there())
        return;
    struct cai_account *account = start();

    cai_bias_grant(account);
    has_barrier = value;
    cai_bias_after_fork_in_child();
    require(starts == 2); /* a child has to ask anew */
    cai_bias_revoke(account);
    cai_bias_grant(account);
    require(may_enter(1, account) == has_barrier);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nobody_enters_without_a_key),
        cmocka_unit_test(test_C5_the_holder_enters_until_its_bias_is_revoked),
        cmocka_unit_test(test_C5_C7_no_key_without_the_right_or_a_holder),
        cmocka_unit_test(test_C5_another_thread_does_not_enter),
        cmocka_unit_test(test_C5_a_thread_switches_between_its_accounts),
        cmocka_unit_test(test_C5_who_is_inside_is_waited_for),
        cmocka_unit_test(test_C5_an_ended_bias_is_forgotten_by_its_holder),
        cmocka_unit_test(test_C5_without_the_barrier_there_is_never_a_key),
        cmocka_unit_test(test_D3_C5_a_child_asks_for_the_barrier_anew),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
